"""The gate inside pytest: one test for each endpoint, fed by one campaign."""
