"""The finished mail as others judge it: linters, a browser, spam filters, a real Postfix."""
