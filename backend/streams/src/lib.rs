//! The stream runtime
