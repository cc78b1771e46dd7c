"""Golden mails."""
