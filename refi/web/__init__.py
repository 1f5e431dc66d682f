"""What every HTTP surface shares: problems, fields, tokens, the transactional route, webhook signatures."""
