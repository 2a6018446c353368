"""Recipes: what was learned from which data, with which command, and how well."""
