//! What a differentially private training gives away: the accountant, for client, server and provider alike.
//!
//! Two upper bounds of the same ε are computed, and the smaller counts: by Rényi differential privacy ([`RenyiCurve`]), in which
//! jobs are added up, and by the distribution of the privacy loss ([`tight`]), which is nearly exact for one job. All functions
//! beyond the four operations are libm's, so that everybody computes the same bits.
//!
//! Neighbours are data sets of which one lacks what one row of the other holds.

mod calibration;
mod mechanism;
mod renyi;
mod special;
pub mod tight;

pub use calibration::noise_multiplier;
pub use mechanism::{Accountant, Epsilon, InvalidMechanism, SampledGaussian};
pub use renyi::RenyiCurve;
