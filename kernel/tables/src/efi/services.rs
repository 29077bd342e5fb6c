//! Where the runtime services are. Source: UEFI 2.10 section 4.5.1 (EFI_RUNTIME_SERVICES).

/// Physical addresses of the runtime services, in the order of the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Services {
    /// `GetTime`.
    pub get_time: u64,
    /// `SetTime`.
    pub set_time: u64,
    /// `GetWakeupTime`.
    pub get_wakeup_time: u64,
    /// `SetWakeupTime`.
    pub set_wakeup_time: u64,
    /// `SetVirtualAddressMap`.
    pub set_virtual_address_map: u64,
    /// `ConvertPointer`.
    pub convert_pointer: u64,
    /// `GetVariable`.
    pub get_variable: u64,
    /// `GetNextVariableName`.
    pub get_next_variable_name: u64,
    /// `SetVariable`.
    pub set_variable: u64,
    /// `GetNextHighMonotonicCount`.
    pub get_next_high_monotonic_count: u64,
    /// `ResetSystem`.
    pub reset_system: u64,
    /// `UpdateCapsule`.
    pub update_capsule: u64,
    /// `QueryCapsuleCapabilities`.
    pub query_capsule_capabilities: u64,
    /// `QueryVariableInfo`.
    pub query_variable_info: u64,
}

impl Services {
    /// The services at these addresses, in the order of the table.
    #[must_use]
    pub const fn from_array(addresses: [u64; 14]) -> Self {
        let [
            get_time,
            set_time,
            get_wakeup_time,
            set_wakeup_time,
            set_virtual_address_map,
            convert_pointer,
            get_variable,
            get_next_variable_name,
            set_variable,
            get_next_high_monotonic_count,
            reset_system,
            update_capsule,
            query_capsule_capabilities,
            query_variable_info,
        ] = addresses;
        Self {
            get_time,
            set_time,
            get_wakeup_time,
            set_wakeup_time,
            set_virtual_address_map,
            convert_pointer,
            get_variable,
            get_next_variable_name,
            set_variable,
            get_next_high_monotonic_count,
            reset_system,
            update_capsule,
            query_capsule_capabilities,
            query_variable_info,
        }
    }

    /// The addresses in the order of the table.
    #[must_use]
    pub const fn to_array(self) -> [u64; 14] {
        [
            self.get_time,
            self.set_time,
            self.get_wakeup_time,
            self.set_wakeup_time,
            self.set_virtual_address_map,
            self.convert_pointer,
            self.get_variable,
            self.get_next_variable_name,
            self.set_variable,
            self.get_next_high_monotonic_count,
            self.reset_system,
            self.update_capsule,
            self.query_capsule_capabilities,
            self.query_variable_info,
        ]
    }
}
