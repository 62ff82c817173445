"""Accounts at delivery services: settings, order, health, limits, prices, and trying them out."""
