"""What the side-by-side yardsticks share: a database, two servers, a load generator, turns and ratios."""
