"""Work, span and traffic: graphs of the real computation, and the same numbers in closed form."""
