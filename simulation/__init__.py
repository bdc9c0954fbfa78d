"""A city to try the line on: citizens who ask, agents who answer, agencies who are asked."""
