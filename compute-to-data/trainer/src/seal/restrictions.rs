//! Landlock: every right that the kernel can handle is handled, and no rule grants any back.

use landlock::{ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetStatus, Scope};

use super::{Layer, SealError};

const LAYER: Layer = Layer::Landlock;

/// Files, TCP ports, and (since the sixth version of the interface, Linux 6.12) signals and abstract sockets.
const VERSION: ABI = ABI::V6;

/// Restricts the process, which must have one thread. By default the crate settles for what the kernel has; here
/// anything less than everything is an error.
pub fn apply() -> Result<(), SealError> {
    let failed =
        |error: landlock::RulesetError| LAYER.missing("restrict (Linux 6.12 or newer has it)", error.to_string());
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(VERSION))
        .and_then(|rules| rules.handle_access(AccessNet::from_all(VERSION)))
        .and_then(|rules| rules.scope(Scope::from_all(VERSION)))
        .and_then(Ruleset::create)
        .and_then(|rules| rules.restrict_self())
        .map_err(failed)?;
    if status.ruleset != RulesetStatus::FullyEnforced || !status.no_new_privs {
        return Err(LAYER.missing("restrict", "the kernel enforces it only in part"));
    }
    Ok(())
}
