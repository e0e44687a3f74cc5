//! What Gavel runs on the stream runtime
