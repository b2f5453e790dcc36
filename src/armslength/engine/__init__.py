"""The one door for change: every state of a node changes here, in one transaction of the store."""
