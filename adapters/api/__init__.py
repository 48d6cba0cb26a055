"""The interface for programs, in the shapes that clients of OpenAI's API know, on the page's port."""
