//! Built-in actors and the names of their methods (builtin-actors, and FRC-42 for the exported ones).

/// Singleton actors, which live at the same address on every network.
const SINGLETONS: &[(u64, &str)] = &[
    (0, "system"),
    (1, "init"),
    (2, "reward"),
    (3, "cron"),
    (4, "storagepower"),
    (5, "storagemarket"),
    (6, "verifiedregistry"),
    (7, "datacap"),
    (10, "eam"),
    (99, "account"),
];

/// The type of a singleton actor, named as StateActorCodeCIDs names it.
pub fn singleton_type(actor_id: u64) -> Option<&'static str> {
    let found = SINGLETONS.iter().find(|(id, _)| *id == actor_id);
    found.map(|(_, actor_type)| *actor_type)
}

/// The name of a method of an actor, like `SubmitWindowedPoSt`. A number that the actor's type does not explain, or whose actor type is not
/// known, stays a number: `Method 42`.
pub fn method_name(actor_type: Option<&str>, number: u64) -> String {
    let named = match number {
        0 => Some("Send"),
        1 => Some("Constructor"),
        // FRC-42 numbers are hashes of the names, the same for every actor that exports them.
        FIRST_EXPORTED.. => name_of(EXPORTED, number),
        _ => actor_type.and_then(|actor_type| name_of(methods(actor_type), number)),
    };
    named.map_or_else(|| format!("Method {number}"), str::to_owned)
}

const FIRST_EXPORTED: u64 = 1 << 24;

fn name_of(table: &'static [(u64, &'static str)], number: u64) -> Option<&'static str> {
    let found = table.iter().find(|(candidate, _)| *candidate == number);
    found.map(|(_, name)| *name)
}

fn methods(actor_type: &str) -> &'static [(u64, &'static str)] {
    match actor_type {
        "storageminer" => MINER,
        "storagemarket" => MARKET,
        "storagepower" => POWER,
        "verifiedregistry" => VERIFIED_REGISTRY,
        "reward" => REWARD,
        "multisig" => MULTISIG,
        "paymentchannel" => PAYMENT_CHANNEL,
        "init" => INIT,
        "account" => ACCOUNT,
        "cron" => CRON,
        "evm" => EVM,
        "eam" => EAM,
        _ => &[],
    }
}

const MINER: &[(u64, &str)] = &[
    (2, "ControlAddresses"),
    (3, "ChangeWorkerAddress"),
    (4, "ChangePeerID"),
    (5, "SubmitWindowedPoSt"),
    (6, "PreCommitSector"),
    (7, "ProveCommitSector"),
    (8, "ExtendSectorExpiration"),
    (9, "TerminateSectors"),
    (10, "DeclareFaults"),
    (11, "DeclareFaultsRecovered"),
    (12, "OnDeferredCronEvent"),
    (13, "CheckSectorProven"),
    (14, "ApplyRewards"),
    (15, "ReportConsensusFault"),
    (16, "WithdrawBalance"),
    (17, "InternalSectorSetupForPreseal"),
    (18, "ChangeMultiaddrs"),
    (19, "CompactPartitions"),
    (20, "CompactSectorNumbers"),
    (21, "ConfirmChangeWorkerAddress"),
    (22, "RepayDebt"),
    (23, "ChangeOwnerAddress"),
    (24, "DisputeWindowedPoSt"),
    (25, "PreCommitSectorBatch"),
    (26, "ProveCommitAggregate"),
    (27, "ProveReplicaUpdates"),
    (28, "PreCommitSectorBatch2"),
    (29, "ProveReplicaUpdates2"),
    (30, "ChangeBeneficiary"),
    (31, "GetBeneficiary"),
    (32, "ExtendSectorExpiration2"),
    (34, "ProveCommitSectors3"),
    (35, "ProveReplicaUpdates3"),
    (36, "ProveCommitSectorsNI"),
    (37, "UpgradeSectorQuality"),
];

const MARKET: &[(u64, &str)] = &[
    (2, "AddBalance"),
    (3, "WithdrawBalance"),
    (4, "PublishStorageDeals"),
    (5, "VerifyDealsForActivation"),
    (6, "BatchActivateDeals"),
    (7, "OnMinerSectorsTerminate"),
    (9, "CronTick"),
];

const POWER: &[(u64, &str)] = &[
    (2, "CreateMiner"),
    (3, "UpdateClaimedPower"),
    (4, "EnrollCronEvent"),
    (5, "OnEpochTickEnd"),
    (6, "UpdatePledgeTotal"),
    (9, "CurrentTotalPower"),
];

const VERIFIED_REGISTRY: &[(u64, &str)] = &[
    (2, "AddVerifier"),
    (3, "RemoveVerifier"),
    (4, "AddVerifiedClient"),
    (7, "RemoveVerifiedClientDataCap"),
    (8, "RemoveExpiredAllocations"),
    (9, "ClaimAllocations"),
    (10, "GetClaims"),
    (11, "ExtendClaimTerms"),
    (12, "RemoveExpiredClaims"),
];

const REWARD: &[(u64, &str)] = &[(2, "AwardBlockReward"), (3, "ThisEpochReward"), (4, "UpdateNetworkKPI")];

const MULTISIG: &[(u64, &str)] = &[
    (2, "Propose"),
    (3, "Approve"),
    (4, "Cancel"),
    (5, "AddSigner"),
    (6, "RemoveSigner"),
    (7, "SwapSigner"),
    (8, "ChangeNumApprovalsThreshold"),
    (9, "LockBalance"),
];

const PAYMENT_CHANNEL: &[(u64, &str)] = &[(2, "UpdateChannelState"), (3, "Settle"), (4, "Collect")];

const INIT: &[(u64, &str)] = &[(2, "Exec"), (3, "Exec4")];

const ACCOUNT: &[(u64, &str)] = &[(2, "PubkeyAddress")];

const CRON: &[(u64, &str)] = &[(2, "EpochTick")];

const EVM: &[(u64, &str)] =
    &[(2, "Resurrect"), (3, "GetBytecode"), (4, "GetBytecodeHash"), (5, "GetStorageAt"), (6, "InvokeContractDelegate")];

const EAM: &[(u64, &str)] = &[(2, "Create"), (3, "Create2"), (4, "CreateExternal")];

const EXPORTED: &[(u64, &str)] = &[
    (36284446, "MinerPower"),
    (46363526, "GetDealLabel"),
    (80475954, "Transfer"),
    (116935346, "Mint"),
    (128053329, "GetDealClient"),
    (163777312, "GetDealTerm"),
    (196739875, "MinerConsensusCount"),
    (200567895, "GetDealClientCollateral"),
    (348244887, "IsControllingAddress"),
    (726108461, "GetBalance"),
    (822473126, "AddBalance"),
    (931722534, "NetworkRawPower"),
    (935081690, "GetDealProvider"),
    (1010589339, "ChangeOwnerAddress"),
    (1063480576, "ChangeMultiaddrs"),
    (1157985802, "GetDealDataCommitment"),
    (1173380165, "CreateMiner"),
    (1236548004, "ChangePeerID"),
    (1321604665, "GenerateSectorLocation"),
    (1332909407, "GetMultiaddrs"),
    (1434719642, "Burn"),
    (1529376545, "DecreaseAllowance"),
    (1570634796, "ChangeBeneficiary"),
    (1726876304, "GetVestingFunds"),
    (1752273514, "ExtendClaimTerms"),
    (1777121560, "IncreaseAllowance"),
    (1900091594, "SettleDealPayments"),
    (1987646258, "MinerCount"),
    (2034386435, "SectorContentChanged"),
    (2199871187, "GetClaims"),
    (2236929350, "PublishStorageDeals"),
    (2280458852, "WithdrawBalance"),
    (2354970453, "ConfirmChangeWorkerAddress"),
    (2421068268, "RemoveExpiredAllocations"),
    (2567238399, "GetDealActivation"),
    (2611213344, "GetDealSector"),
    (2624896501, "Destroy"),
    (2627389465, "GetDealVerified"),
    (2643134072, "AuthenticateMessage"),
    (2765635761, "RevokeAllowance"),
    (2812875329, "GetPeerID"),
    (2873373899, "RemoveExpiredClaims"),
    (2979674018, "BurnFrom"),
    (2986712137, "GetDealProviderCollateral"),
    (3010055991, "GetNominalSectorExpiration"),
    (3092458564, "ValidateSectorStatus"),
    (3180523767, "InitialPledge"),
    (3261979605, "Balance"),
    (3275365574, "GetOwner"),
    (3302309124, "ChangeWorkerAddress"),
    (3621052141, "TransferFrom"),
    (3665352697, "RepayDebt"),
    (3726118371, "Receive"),
    (3753401894, "MinerRawPower"),
    (3844450837, "InvokeEVM"),
    (3858292296, "GetSectorSize"),
    (3916220144, "AddVerifiedClient"),
    (4026106874, "GetAvailableBalance"),
    (4127382196, "MaxTerminationFee"),
    (4158972569, "GetBeneficiary"),
    (4205072950, "Allowance"),
    (4287162428, "GetDealTotalPrice"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_named_by_the_receiving_actor() {
        assert_eq!(method_name(Some("storageminer"), 5), "SubmitWindowedPoSt");
        assert_eq!(method_name(Some("storageminer"), 34), "ProveCommitSectors3");
        assert_eq!(method_name(Some("storagemarket"), 5), "VerifyDealsForActivation");
        assert_eq!(method_name(Some("evm"), 3), "GetBytecode");
        assert_eq!(method_name(Some("evm"), 6), "InvokeContractDelegate");
        assert_eq!(method_name(Some("eam"), 4), "CreateExternal");
        assert_eq!(method_name(Some("storageminer"), 99), "Method 99");
        assert_eq!(method_name(None, 5), "Method 5");
        assert_eq!(method_name(None, 0), "Send");
    }

    #[test]
    fn exported_methods_need_no_actor() {
        assert_eq!(method_name(None, 3844450837), "InvokeEVM");
        assert_eq!(method_name(Some("storageminer"), 2280458852), "WithdrawBalance");
    }
}
