//! The made machines of the crates' own tests.

#[expect(
    dead_code,
    clippy::cast_possible_truncation,
    reason = "made for the tests of IOMMUs, of which a part is needed here"
)]
#[path = "../../../kernel/iommu/tests/iommu/made_amd.rs"]
pub(crate) mod amd_vi;
#[path = "../../../kernel/lifecycle/tests/common/mod.rs"]
pub(crate) mod common;
#[path = "../../../bulkheadctl/tests/files/every_use.rs"]
pub(crate) mod every_use;
#[expect(
    dead_code,
    clippy::cast_possible_truncation,
    reason = "made for the tests of firmware's tables, of which a part is needed here"
)]
#[path = "../../../kernel/firmware/tests/firmware/fake.rs"]
pub(crate) mod firmware;
#[expect(
    dead_code,
    clippy::cast_possible_truncation,
    reason = "made for the tests of IOMMUs, of which a part is needed here"
)]
#[path = "../../../kernel/iommu/tests/iommu/made.rs"]
pub(crate) mod iommu;
#[expect(
    dead_code,
    clippy::cast_possible_truncation,
    reason = "made for the tests of the printk ring, of which a part is needed here"
)]
#[path = "../../../kernel/printk/tests/printk/made.rs"]
pub(crate) mod printk;
#[path = "../../../kernel/lifecycle/tests/ram/mod.rs"]
pub(crate) mod ram;
#[path = "../../../shell/tests/support/mod.rs"]
pub(crate) mod shell;
#[path = "../../../bulkheadctl/tests/files/machine.rs"]
pub(crate) mod survey;
#[expect(
    dead_code,
    reason = "made for the tests of the driver, of which a part is needed here"
)]
#[path = "../../../kernel/usb/tests/usb/made/mod.rs"]
pub(crate) mod usb;
#[expect(
    dead_code,
    clippy::cast_possible_truncation,
    reason = "made for the tests of IOMMUs, of which a part is needed here"
)]
#[path = "../../../kernel/iommu/tests/iommu/made_vtd.rs"]
pub(crate) mod vt_d;
