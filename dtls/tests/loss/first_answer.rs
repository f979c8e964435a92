//! From nothing to the first answer: handshake, request, response.
