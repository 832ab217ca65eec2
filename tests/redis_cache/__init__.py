"""The twin of `soasap.redis`, against real Redis servers and Sentinels."""
