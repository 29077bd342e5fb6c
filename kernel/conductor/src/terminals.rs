//! The operator's end of consoles.

use bulkhead_lifecycle::{Attachment, Outcome, Stand, Terminals};

use crate::{Conductor, Stage};

impl<S: Stage, const P: usize, const C: usize> Terminals for Conductor<'_, S, P, C> {
    fn attach(&self, target: usize) -> Result<Attachment, Outcome> {
        self.life.attach(&self.stage, None, target)
    }

    fn stand(&self, attachment: Attachment) -> Stand {
        self.life.stand(&self.stage, attachment)
    }

    fn type_byte(&self, attachment: Attachment, byte: u8) -> bool {
        self.life.type_bytes(&self.stage, attachment, &[byte])
    }

    fn take_shown(&self, attachment: Attachment, into: &mut [u8]) -> usize {
        self.life.take_shown(attachment, into)
    }

    fn detach(&self, attachment: Attachment) {
        self.life.detach(attachment);
    }
}
