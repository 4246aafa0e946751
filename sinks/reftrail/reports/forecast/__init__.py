"""Forecast of the next weeks, made of the history that the report's SQL gives."""
