"""Sign-in of borrowers: one-time codes and rotating refresh tokens."""
