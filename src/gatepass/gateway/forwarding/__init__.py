"""What leaves for an upstream and what comes back: headers, the door, decoding, redaction."""
