"""Reminders and news: what the people at an arrangement are told, when, and on which way."""
