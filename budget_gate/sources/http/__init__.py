"""How the API is asked over HTTP."""
