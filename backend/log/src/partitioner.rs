//! Which partition a key belongs to: Java Kafka's default (`murmur2_random` in librdkafka), so that any client in any
//! language puts an item's records where Gavel does.
