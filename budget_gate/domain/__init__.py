"""The rules, pure: no clock, no environment, no IO, no logging."""
