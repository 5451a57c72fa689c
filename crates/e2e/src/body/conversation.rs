//! The simulated API server of the fault simulation is judged by the real one: conversations must go the same way.

use anyhow::{Result, ensure};
use berth_faults::conversation::{CONVERSATIONS, Simulated};

use crate::conversation::Real;
use crate::stage::Stage;

pub(super) fn as_simulated(stage: &mut Stage) -> Result<()> {
    // It knows nothing of the versions before that any more, so that a watch from one of them is refused.
    stage.plane.restart_server()?;
    let mut differing = Vec::new();
    for (number, conversation) in CONVERSATIONS.iter().enumerate() {
        let mut real = Real::new(stage.api.clone(), &format!("{}-{number}", stage.namespace()))?;
        let seen = (conversation.hold)(&mut real);
        real.clear()?;
        let simulated = (conversation.hold)(&mut Simulated::new());
        for (real, simulated) in seen.iter().zip(&simulated).filter(|(real, simulated)| real != simulated) {
            differing.push(format!("{}: real {real:?}, simulated {simulated:?}", conversation.name));
        }
        ensure!(
            seen.len() == simulated.len(),
            "{}: real {seen:?}, simulated {simulated:?}",
            conversation.name
        );
    }
    ensure!(differing.is_empty(), "{} differences:\n{}", differing.len(), differing.join("\n"));
    Ok(())
}
