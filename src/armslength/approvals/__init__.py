"""Who inside a party approves what it says: officials, a policy, drafts, decisions, and their journal. Pure rules."""
