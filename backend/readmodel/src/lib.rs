//! Projections and the queries that pages ask
