"""The server core: broadcaster, streams and what it takes to listen."""
