"""HTTP/1.1 over the loop: connections, what is sent, and what comes back."""
