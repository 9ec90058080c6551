//! Tests of the model as a whole: a world with a manual clock.

mod findings;
mod identities;
mod leases;
mod life;
mod observations;
mod random;
mod sweeping;
mod views;
mod world;
