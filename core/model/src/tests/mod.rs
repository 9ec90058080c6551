//! Tests of the model as a whole: a world with a manual clock.

mod context;
mod findings;
mod identities;
mod leases;
mod life;
mod listings;
mod misses;
mod nodes;
mod observations;
mod random;
mod sweeping;
mod views;
mod world;
