"""Collections: the ladder of reminders around a due date."""
