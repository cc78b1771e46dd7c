"""Mail as it comes back, for the tests of bounces."""
