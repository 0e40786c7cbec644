"""Where what is rendered goes: the streams, files and GitHub Actions, without any secret."""
