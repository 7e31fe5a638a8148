//! The bed: real servers in one network namespace, for tests.
