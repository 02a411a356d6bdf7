//! The table of every metric family: name, type, labels, HELP. Text, tests and documents come from it.
//!
//! The name gives the unit, and so the range of possible values. Where the name is not enough, the unit follows the labels.

use super::{Description, Family, Kind, Unit};

macro_rules! families {
    ($($constant:ident: $kind:ident $name:literal [$($label:literal),*] $(($unit:expr))? $help:literal;)*) => {
        $(
            #[doc = $help]
            pub static $constant: Family<{ <[&str]>::len(&[$($label),*]) }> = Family {
                name: $name,
                kind: Kind::$kind,
                unit: [$($unit,)? Unit::of($name)][0],
                help: $help,
                labels: [$($label),*],
            };
        )*

        /// Every family there is, in the order of the table.
        pub static ALL: &[Description] = &[$($constant.describe()),*];
    };
}

families! {
    // The exporter itself
    BUILD_INFO: Gauge "farcaster_build_info" ["version", "commit"]
        "The exporter's version and commit, always 1.";
    NETWORK_INFO: Gauge "farcaster_network_info" ["network"]
        "The network that the full node is on, or was on when it last answered, always 1. StateNetworkName.";
    ENDPOINT_UP: Gauge "farcaster_endpoint_up" ["endpoint", "address", "miner_id"]
        "Whether the node answered its first call in this run. Boost has two addresses, one for its API and one for GraphQL; that of Curio is its web UI's. While the node is down, the miner's id is that of an earlier run; it is empty if the node never reported one, and for full nodes.";
    COLLECTOR_SUCCESS: Gauge "farcaster_collector_success" ["collector", "miner_id", "cluster"]
        "Whether the last run of this collector got everything it asked for.";
    COLLECTOR_DURATION_SECONDS: Gauge "farcaster_collector_duration_seconds" ["collector", "miner_id", "cluster"]
        "How long this collector took in the last run.";
    COLLECTOR_DATA_TIMESTAMP_SECONDS: Gauge "farcaster_collector_data_timestamp_seconds" ["collector", "miner_id", "cluster"]
        "When the data that this collector publishes now was obtained, in Unix seconds. Absent in runs in which it failed, unless it publishes older data instead.";
    RUN_TIMESTAMP_SECONDS: Gauge "farcaster_run_timestamp_seconds" []
        "When this run ended, in Unix seconds. All other values are as old as this one.";
    RUN_DURATION_SECONDS: Gauge "farcaster_run_duration_seconds" []
        "How long this run took.";
    RUN_TIMEOUT_SECONDS: Gauge "farcaster_run_timeout_seconds" []
        "The time budget of a run (--timeout).";
    RUN_RPC_CALLS: Gauge "farcaster_run_rpc_calls" ["endpoint"]
        "JSON-RPC calls that this run made, singly or in batches. A GraphQL query counts as one.";
    RUN_RPC_REQUESTS: Gauge "farcaster_run_rpc_requests" ["endpoint"]
        "HTTP requests that this run made.";
    RUN_RPC_ERRORS: Gauge "farcaster_run_rpc_errors" ["endpoint"]
        "Calls of this run that returned an error or nothing, except for methods the node does not have, and errors that only mean that an address has no key, id or datacap, or that a sector is gone.";
    RUN_RPC_RECEIVED_BYTES: Gauge "farcaster_run_rpc_received_bytes" ["endpoint"]
        "Bytes that this run received in answers.";
    TRUNCATED_ROWS: Gauge "farcaster_truncated_rows" ["family"]
        "Rows of a family that were left out because of the row limit (--max-rows).";

    // Daemon and chain
    DAEMON_INFO: Gauge "farcaster_daemon_info" ["version", "agent", "network"]
        "The full node, always 1. Version.Version and Agent, StateNetworkName.";
    DAEMON_START_TIME_SECONDS: Gauge "farcaster_daemon_start_time_seconds" []
        "When the full node started, in Unix seconds. StartTime.";
    DAEMON_PEERS: Gauge "farcaster_daemon_peers" []
        "Peers that the full node is connected to. NetPeers.";
    DAEMON_PUBLISH_PEERS: Gauge "farcaster_daemon_publish_peers" ["kind"]
        "Peers that the full node can publish blocks or messages to. NodeStatus.PeerStatus.";
    DAEMON_REACHABILITY: Gauge "farcaster_daemon_reachability" ["state"]
        "Whether the full node can be reached from outside: 1 for the current state, which is public, private or unknown. NetAutoNatStatus.Reachability.";
    DAEMON_RECEIVE_BYTES_TOTAL: Counter "farcaster_daemon_receive_bytes_total" []
        "Bytes received from the network since the full node started. NetBandwidthStats.TotalIn.";
    DAEMON_TRANSMIT_BYTES_TOTAL: Counter "farcaster_daemon_transmit_bytes_total" []
        "Bytes sent to the network since the full node started. NetBandwidthStats.TotalOut.";
    DAEMON_PROTOCOL_RECEIVE_BYTES_TOTAL: Counter "farcaster_daemon_protocol_receive_bytes_total" ["protocol"]
        "Bytes received by protocol since the full node started. NetBandwidthStatsByProtocol.TotalIn.";
    DAEMON_PROTOCOL_TRANSMIT_BYTES_TOTAL: Counter "farcaster_daemon_protocol_transmit_bytes_total" ["protocol"]
        "Bytes sent by protocol since the full node started. NetBandwidthStatsByProtocol.TotalOut.";
    DAEMON_ALERT_ACTIVE: Gauge "farcaster_daemon_alert_active" ["system", "subsystem"]
        "Whether this alert of the full node itself is active. LogAlerts.Active; needs an admin token.";
    NETWORK_VERSION: Gauge "farcaster_network_version" []
        "The network version at the head of the chain. StateNetworkVersion.";
    NETWORK_UPGRADE_TIMESTAMP_SECONDS: Gauge "farcaster_network_upgrade_timestamp_seconds" ["name", "network_version", "known_to_node"] (Unit::Time { days_ahead: 1500 })
        "When a network upgrade takes place, in Unix seconds: those ahead that the full node is set to, and those that only the exporter knows (known_to_node is 0), ahead or past; the version is empty where the exporter does not know it. StateGetNetworkParams.ForkUpgradeParams, StateNetworkVersion.";
    CHAIN_HEAD_HEIGHT: Gauge "farcaster_chain_head_height" []
        "The epoch of the heaviest tipset that the full node has. ChainHead.Height.";
    CHAIN_EXPECTED_HEIGHT: Gauge "farcaster_chain_expected_height" []
        "The current epoch by the exporter's clock.";
    CHAIN_HEAD_TIMESTAMP_SECONDS: Gauge "farcaster_chain_head_timestamp_seconds" []
        "The time of the head tipset, in Unix seconds. ChainHead.Blocks.Timestamp.";
    CHAIN_HEAD_BLOCKS: Gauge "farcaster_chain_head_blocks" []
        "Blocks in the head tipset; five on average. ChainHead.Blocks.";
    CHAIN_BEHIND_EPOCHS: Gauge "farcaster_chain_behind_epochs" []
        "Epochs that the full node is behind the network. NodeStatus.SyncStatus.Behind.";
    CHAIN_SYNC_WORKERS: Gauge "farcaster_chain_sync_workers" ["stage"]
        "Sync workers in this stage. SyncState.ActiveSyncs.Stage.";
    CHAIN_FINALIZED_HEIGHT: Gauge "farcaster_chain_finalized_height" ["source"]
        "The latest final epoch: by expected consensus (ec) or by an F3 certificate (f3). ChainGetTipSetFinalityStatus, or the head minus 900 epochs without it; F3GetLatestCertificate.";
    CHAIN_BASE_FEE_FIL: Gauge "farcaster_chain_base_fee_fil" []
        "The base fee per unit of gas, in FIL. ParentBaseFee of the head's min-ticket block.";
    GAS_PREMIUM_FIL: Gauge "farcaster_gas_premium_fil" ["within_epochs"]
        "The premium per unit of gas, in FIL, that gets a message into a block within the given number of epochs. GasEstimateGasPremium.";
    F3_RUNNING: Gauge "farcaster_f3_running" []
        "Whether fast finality (F3) is running in the full node. F3IsRunning.";
    F3_INSTANCE: Gauge "farcaster_f3_instance" []
        "The F3 instance that the full node is working on. F3GetProgress.ID.";
    F3_ROUND: Gauge "farcaster_f3_round" []
        "The round of the F3 instance. F3GetProgress.Round.";
    F3_PHASE: Gauge "farcaster_f3_phase" []
        "The phase of the F3 round: 0 initial, 1 quality, 2 converge, 3 prepare, 4 commit, 5 decide, 6 terminated. F3GetProgress.Phase.";
    MPOOL_MESSAGES: Gauge "farcaster_mpool_messages" []
        "All messages waiting in the full node's message pool. MpoolPending.";
    NETWORK_POWER_BYTES: Gauge "farcaster_network_power_bytes" ["kind"]
        "Power of the whole network. StateMinerPower.TotalPower.";
    NETWORK_EPOCHS_TOTAL: Counter "farcaster_network_epochs_total" []
        "Epochs that the exporter has walked over, null rounds included: five wins are expected in each. ChainGetTipSetByHeight.";
    NETWORK_BLOCKS_TOTAL: Counter "farcaster_network_blocks_total" []
        "Blocks of all miners in these epochs. ChainGetTipSetByHeight.Blocks.";
    NETWORK_WINS_TOTAL: Counter "farcaster_network_wins_total" []
        "Wins of all miners in these epochs, of which a block may have several; the network's luck is wins / (5 x epochs). ChainGetTipSetByHeight.Blocks.ElectionProof.WinCount.";
    NETWORK_BLOCKS_ORPHANED_TOTAL: Counter "farcaster_network_blocks_orphaned_total" []
        "Blocks of all miners that were on the node's chain in a run and later no longer; as with those of a miner, blocks that came and went between two runs are not known. ChainGetTipSetByHeight.";
    NETWORK_MINERS: Gauge "farcaster_network_miners" ["kind"]
        "Miners with power: all, or only those above the minimum power. Power actor's MinerCount and MinerAboveMinPowerCount.";
    NETWORK_BLOCK_REWARD_FIL: Gauge "farcaster_network_block_reward_fil" []
        "What one win currently earns its miner, without gas: a fifth of the epoch's reward, and since network version 29 the miner's share of that. StateReadState(f02).State.ThisEpochReward.";
    NETWORK_BLOCK_REWARD_FORECAST_FIL: Gauge "farcaster_network_block_reward_forecast_fil" ["in_days"]
        "What one win will earn its miner that many days from now, without gas, if the network's raw power stays as it is: by the reward actor's simple and baseline minting (actors/reward/src/logic.rs of builtin-actors v18), and by the miner's share of FIP-0118. Absent where ThisEpochReward is not on that curve. StateReadState(f02).State.";
    NETWORK_SECTOR_PLEDGE_FIL: Gauge "farcaster_network_sector_pledge_fil" ["sector_size_bytes"]
        "The initial pledge of a new committed-capacity sector with a life of 540 days. StateMinerInitialPledgeForSector.";

    // Miner: identity and power
    MINER_INFO: Gauge "farcaster_miner_info" ["miner_id", "version", "owner", "worker", "beneficiary", "peer_id"]
        "The miner, always 1. lotus-miner's Version; StateMinerInfo.";
    MINER_ADDRESS_INFO: Gauge "farcaster_miner_address_info" ["miner_id", "role", "id_address", "address", "name"]
        "An address of the miner and its role, always 1. A multisig or contract has its id in both address labels. StateMinerInfo, StateAccountKey.";
    MINER_PENDING_CHANGE_INFO: Gauge "farcaster_miner_pending_change_info" ["miner_id", "change", "address", "name"]
        "A change of the miner's worker, owner or beneficiary that is proposed and not confirmed, and the new address, always 1. StateMinerInfo.NewWorker, PendingOwnerAddress, PendingBeneficiaryTerm.";
    MINER_WORKER_CHANGE_TIMESTAMP_SECONDS: Gauge "farcaster_miner_worker_change_timestamp_seconds" ["miner_id"] (Unit::Time { days_ahead: 30 })
        "From when on the miner's new worker key can be confirmed, in Unix seconds. StateMinerInfo.WorkerChangeEpoch.";
    MINER_CONSENSUS_FAULT_END_TIMESTAMP_SECONDS: Gauge "farcaster_miner_consensus_fault_end_timestamp_seconds" ["miner_id"] (Unit::Time { days_ahead: 30 })
        "Until when the miner wins no blocks because of its last consensus fault, in Unix seconds, which may be past; absent if it never had one. StateMinerInfo.ConsensusFaultElapsed.";
    MINER_SECTOR_SIZE_BYTES: Gauge "farcaster_miner_sector_size_bytes" ["miner_id"]
        "The size of the miner's sectors. StateMinerInfo.SectorSize.";
    MINER_START_TIME_SECONDS: Gauge "farcaster_miner_start_time_seconds" ["miner_id"]
        "When lotus-miner started, in Unix seconds. StartTime.";
    MINER_ALERT_ACTIVE: Gauge "farcaster_miner_alert_active" ["miner_id", "system", "subsystem"]
        "Whether this alert of lotus-miner itself is active. LogAlerts.Active; needs an admin token.";
    MINER_POWER_BYTES: Gauge "farcaster_miner_power_bytes" ["miner_id", "kind"]
        "Power of the miner. StateMinerPower.MinerPower.";
    MINER_HAS_MIN_POWER: Gauge "farcaster_miner_has_min_power" ["miner_id"]
        "Whether the miner has the minimum power to win blocks. StateMinerPower.HasMinPower.";
    MINER_MINING_ELIGIBLE: Gauge "farcaster_miner_mining_eligible" ["miner_id"]
        "Whether the miner may win blocks now. MinerGetBaseInfo.EligibleForMining; absent if the miner had no power at the look-back epoch.";
    MINER_F3_PARTICIPATING: Gauge "farcaster_miner_f3_participating" ["miner_id"]
        "Whether this full node takes part in F3 for the miner. F3ListParticipants.";
    MINER_EXPECTED_WINS_PER_DAY: Gauge "farcaster_miner_expected_wins_per_day" ["miner_id"]
        "Expected wins per day at the current power: 2880 epochs x 5 leaders x share of the quality-adjusted power; 0 below the minimum power. StateMinerPower.";
    MINER_EXPECTED_WINS_TOTAL: Counter "farcaster_miner_expected_wins_total" ["miner_id"]
        "Expected wins in the epochs walked so far: 5 x share of the quality-adjusted power in each, using the power that its election uses, that of 900 epochs before; luck is wins / expected wins. MinerGetBaseInfo.";
    MINER_WINS_TOTAL: Counter "farcaster_miner_wins_total" ["miner_id"]
        "Wins of the blocks won; a block may hold several. ChainGetTipSetByHeight.Blocks.ElectionProof.WinCount.";
    MINER_BLOCKS_WON_TOTAL: Counter "farcaster_miner_blocks_won_total" ["miner_id"]
        "Blocks of the miner on the heaviest chain, counted once they are five epochs deep, starting a day before the exporter's memory began; shown once that day is counted. ChainGetTipSetByHeight.Blocks.Miner.";
    MINER_BLOCKS_ORPHANED_TOTAL: Counter "farcaster_miner_blocks_orphaned_total" ["miner_id"]
        "Blocks of the miner that were seen near the head and dropped by the chain before they were five epochs deep. ChainGetTipSetByHeight.Cids.";
    MINER_REWARDS_FIL_TOTAL: Counter "farcaster_miner_rewards_fil_total" ["miner_id"]
        "The miner's share of the rewards of blocks won, without gas. StateRewardDistribution.Blocks.Amounts.MinerReward, or the wins' share of ThisEpochReward by the network's rule without it.";
    MINER_GAS_REWARDS_FIL_TOTAL: Counter "farcaster_miner_gas_rewards_fil_total" ["miner_id"]
        "Gas rewards of blocks won, if the node reports them. StateRewardDistribution.Blocks.Amounts.MessageReward.";
    MINER_LAST_BLOCK_HEIGHT: Gauge "farcaster_miner_last_block_height" ["miner_id"]
        "The epoch of the latest block won. ChainGetTipSetByHeight.Height.";
    MINER_LAST_BLOCK_TIMESTAMP_SECONDS: Gauge "farcaster_miner_last_block_timestamp_seconds" ["miner_id"]
        "The time of the latest block won, in Unix seconds. ChainGetTipSetByHeight.Blocks.Timestamp.";

    // Money
    MINER_BALANCE_FIL: Gauge "farcaster_miner_balance_fil" ["miner_id"]
        "All FIL that the miner actor holds. StateReadState.Balance.";
    MINER_AVAILABLE_FIL: Gauge "farcaster_miner_available_fil" ["miner_id"] (Unit::FilLessDebts)
        "FIL that can be withdrawn from the miner. StateMinerAvailableBalance.";
    MINER_FEE_DEBT_FIL: Gauge "farcaster_miner_fee_debt_fil" ["miner_id"]
        "FIL that the miner owes in penalties and fees; it cannot win blocks until that is paid. StateReadState.State.FeeDebt.";
    MINER_LOCKED_FIL: Gauge "farcaster_miner_locked_fil" ["miner_id", "kind"]
        "FIL locked in the miner: precommit_deposits, initial_pledge, vesting. StateReadState.State.";
    MINER_RELEASE_FIL: Gauge "farcaster_miner_release_fil" ["miner_id", "kind", "month"]
        "Locked FIL that comes free in a calendar month (UTC), or after the last of them (later): vesting, by the miner's vesting table (actors/miner/src/vesting_state.rs of builtin-actors v18); initial_pledge, of the live sectors that expire then, as long as they are not extended. StateReadState.State.VestingFunds, ChainReadObj; StateMinerSectors.Expiration and InitialPledge; slow tier.";
    MINER_MARKET_ESCROW_FIL: Gauge "farcaster_miner_market_escrow_fil" ["miner_id"]
        "FIL that the miner has in the storage market. StateMarketBalance.Escrow.";
    MINER_MARKET_LOCKED_FIL: Gauge "farcaster_miner_market_locked_fil" ["miner_id"]
        "FIL in the storage market that is locked by deals. StateMarketBalance.Locked.";
    MINER_DAILY_FEE_FIL: Gauge "farcaster_miner_daily_fee_fil" ["miner_id"]
        "The fee that the miner pays each day for its sectors (FIP-0100). Sum of StateMinerDeadlines.DailyFee.";
    WALLET_BALANCE_FIL: Gauge "farcaster_wallet_balance_fil" ["address", "id_address", "name"]
        "FIL in a wallet of the node, an address of a miner, or a watched address. WalletBalance.";
    WALLET_DATACAP_BYTES: Gauge "farcaster_wallet_datacap_bytes" ["address", "id_address", "name"]
        "Datacap of a wallet, if it has any. StateVerifiedClientStatus.";
    MPOOL_LOCAL_MESSAGES: Gauge "farcaster_mpool_local_messages" ["from", "from_name", "method"]
        "Messages of these wallets that are waiting in the message pool. MpoolPending.";
    MPOOL_LOCAL_MISSING_NONCES: Gauge "farcaster_mpool_local_missing_nonces" ["from", "from_name"]
        "Nonces missing below the highest of the wallet's waiting messages: what comes after a missing one cannot be executed. MpoolPending.Message.Nonce, and StateGetActor.Nonce where a message has waited for five minutes.";
    MPOOL_LOCAL_MESSAGES_BELOW_BASE_FEE: Gauge "farcaster_mpool_local_messages_below_base_fee" ["from", "from_name"]
        "Those of them whose fee cap is below the base fee: they are stuck. MpoolPending.GasFeeCap.";
    MPOOL_LOCAL_MESSAGE_FIRST_SEEN_TIMESTAMP_SECONDS: Gauge "farcaster_mpool_local_message_first_seen_timestamp_seconds" ["cid", "from", "from_name", "to", "to_name", "method", "nonce"]
        "When the exporter first saw a waiting message, in Unix seconds. One whose arrival it saw is shown once it has waited for 90 seconds. MpoolPending.";
    MPOOL_LOCAL_MESSAGE_GAS_FEE_CAP_FIL: Gauge "farcaster_mpool_local_message_gas_fee_cap_fil" ["cid"]
        "The most that a waiting message pays per unit of gas, in FIL. MpoolPending.GasFeeCap.";
    MPOOL_LOCAL_MESSAGE_GAS_PREMIUM_FIL: Gauge "farcaster_mpool_local_message_gas_premium_fil" ["cid"]
        "What a waiting message pays the block producer per unit of gas, in FIL. MpoolPending.GasPremium.";
    MPOOL_LOCAL_MESSAGE_GAS_LIMIT: Gauge "farcaster_mpool_local_message_gas_limit" ["cid"]
        "Units of gas that a waiting message may use. MpoolPending.GasLimit.";
    MPOOL_LOCAL_MESSAGE_VALUE_FIL: Gauge "farcaster_mpool_local_message_value_fil" ["cid"]
        "FIL that a waiting message transfers. MpoolPending.Value.";

    MESSAGES_EXECUTED_TOTAL: Counter "farcaster_messages_executed_total" ["from", "from_name", "miner_id", "method", "exit_code"]
        "Messages of these wallets that were executed on chain, whoever sent them, since the exporter first saw the wallet; counted once they are five epochs deep. An exit code other than 0 is a failure. The miner is the one that the message was sent to, otherwise the only one that the wallet belongs to, if any. ChainGetParentMessages, ChainGetParentReceipts.ExitCode.";
    MESSAGES_GAS_FIL_TOTAL: Counter "farcaster_messages_gas_fil_total" ["from", "from_name", "miner_id", "method", "exit_code", "part"]
        "What those messages cost their senders: base_fee_burn and over_estimation_burn, which are burnt, and miner_tip. Penalties are not in it: those are the block's miner's. GasUsed of the receipts, GasLimit, GasFeeCap and GasPremium of the messages and ParentBaseFee, by the rule of Lotus' chain/vm/burn.go.";
    MESSAGES_GAS_LIMIT_TOTAL: Counter "farcaster_messages_gas_limit_total" ["from", "from_name", "miner_id", "method", "exit_code"] (Unit::Gas)
        "Gas that those messages reserved, for each unit of which they paid the tip. ChainGetParentMessages.Message.GasLimit.";
    NETWORK_MESSAGES_GAS_LIMIT_TOTAL: Counter "farcaster_network_messages_gas_limit_total" [] (Unit::Gas)
        "Gas that all messages reserved, whoever sent them, in the tipsets with messages of ours. ChainGetParentMessages.Message.GasLimit.";
    NETWORK_MESSAGES_TIP_FIL_TOTAL: Counter "farcaster_network_messages_tip_fil_total" []
        "Tips that those messages offered for it; divided by that gas, what others pay for a unit. ChainGetParentMessages.Message.GasPremium and GasFeeCap, by the rule of Lotus' chain/vm/burn.go.";
    MESSAGES_VALUE_FIL_TOTAL: Counter "farcaster_messages_value_fil_total" ["from", "from_name", "miner_id", "method", "exit_code"]
        "FIL that those messages sent to their receivers, which is no cost; a message that failed sent none. ChainGetParentMessages.Message.Value.";
    MESSAGES_MISSED_TOTAL: Counter "farcaster_messages_missed_total" ["from", "from_name"]
        "Messages of these wallets that were executed, and of which nothing else is known, as the full node no longer had them: they are missing from the totals above. StateGetActor.Nonce.";
    MESSAGE_FAILED_TIMESTAMP_SECONDS: Gauge "farcaster_message_failed_timestamp_seconds" ["cid", "from", "from_name", "to", "miner_id", "method", "exit_code"]
        "The time of the tipset with a message that failed on chain within the last day, in Unix seconds. ChainGetParentReceipts.ExitCode.";

    // Sectors and sealing
    MINER_SECTORS: Gauge "farcaster_miner_sectors" ["miner_id", "state", "phase"]
        "Sectors of lotus-miner by state and phase, which is proving, waiting, sealing, ending or error. SectorsSummary.";
    MINER_LIVE_SECTORS: Gauge "farcaster_miner_live_sectors" ["miner_id"]
        "Sectors on chain that are not terminated or expired. StateMinerPartitions.LiveSectors.";
    MINER_ACTIVE_SECTORS: Gauge "farcaster_miner_active_sectors" ["miner_id"]
        "Sectors on chain that are proven: live, not faulty, not new. StateMinerPartitions.ActiveSectors.";
    MINER_FAULTY_SECTORS: Gauge "farcaster_miner_faulty_sectors" ["miner_id"]
        "Sectors on chain that are faulty, recovering ones included. StateMinerPartitions.FaultySectors.";
    MINER_RECOVERING_SECTORS: Gauge "farcaster_miner_recovering_sectors" ["miner_id"]
        "Faulty sectors on chain that are declared recovered. StateMinerPartitions.RecoveringSectors.";
    MINER_EXPIRED_SECTORS: Gauge "farcaster_miner_expired_sectors" ["miner_id"]
        "Sectors that lotus-miner holds as proving but that are no longer in any deadline on chain. SectorsListInStates, StateMinerPartitions; slow tier.";
    MINER_MISSING_SECTORS: Gauge "farcaster_miner_missing_sectors" ["miner_id"]
        "Live sectors on chain whose sealed file, or that of their upgrade, was in no storage path when two lists in a row were read; absent while the files of a path are not known. StateMinerPartitions.LiveSectors, StorageList; slow tier.";
    MINER_MISSING_SECTOR: Gauge "farcaster_miner_missing_sector" ["miner_id", "sector"]
        "A sector whose file is missing, always 1. StateMinerPartitions.LiveSectors, StorageList; slow tier.";
    MINER_SECTORS_BY_CONTENT: Gauge "farcaster_miner_sectors_by_content" ["miner_id", "content"]
        "Live sectors on chain by content: committed_capacity (nothing), deals, verified_deals. StateMinerSectors.DealWeight, VerifiedDealWeight and Flags; slow tier.";
    MINER_SECTORS_BY_QUALITY: Gauge "farcaster_miner_sectors_by_quality" ["miner_id", "quality"]
        "Live sectors on chain by the quality of their power: 1x, partial (between), legacy_10x (full of verified deals from before Solstice), full_10x (committed or upgraded since; FIP-0118). StateMinerSectors.VerifiedDealWeight, PowerBaseEpoch, Expiration and Flags; slow tier.";
    MINER_QUALITY_RAW_BYTES: Gauge "farcaster_miner_quality_raw_bytes" ["miner_id", "quality"]
        "Raw bytes of the live sectors of each quality. StateMinerSectors, StateMinerInfo.SectorSize; slow tier.";
    MINER_QUALITY_UPGRADE_PLEDGE_FIL: Gauge "farcaster_miner_quality_upgrade_pledge_fil" ["miner_id"]
        "FIL that UpgradeSectorQuality would lock to raise all sectors of 1x and partial quality to 10x: for each, the pledge of a new sector less its own, if that is less. StateMinerInitialPledgeForSector without the tenth that Lotus adds, StateMinerSectors.InitialPledge; slow tier.";
    MINER_QUALITY_UPGRADE_DAILY_FEE_FIL: Gauge "farcaster_miner_quality_upgrade_daily_fee_fil" ["miner_id"]
        "By how much that upgrade would raise the fee of each day: a fee grows as the power does; a sector that pays none yet is taken to pay what the newest sector of full quality does. StateMinerSectors.DailyFee; slow tier.";
    MINER_QUALITY_UPGRADE_POWER_BYTES: Gauge "farcaster_miner_quality_upgrade_power_bytes" ["miner_id"]
        "Quality-adjusted power that the upgrade would bring. StateMinerSectors; slow tier.";
    MINER_QUALITY_UPGRADE_BLOCKED_SECTORS: Gauge "farcaster_miner_quality_upgrade_blocked_sectors" ["miner_id", "reason"]
        "Sectors of 1x and partial quality that cannot be upgraded now: all of them while the miner has a fee_debt, those that are faulty, those that have expired and are not in the sums. StateReadState.State.FeeDebt, StateMinerPartitions.FaultySectors, StateMinerSectors.Expiration; slow tier, except for the debt.";
    MINER_UPGRADED_SECTORS: Gauge "farcaster_miner_upgraded_sectors" ["miner_id"]
        "Live sectors on chain that got their data after they were sealed (snap deals). StateMinerSectors.SectorKeyCID; slow tier.";
    MINER_EXPIRING_SECTORS: Gauge "farcaster_miner_expiring_sectors" ["miner_id", "within_days"]
        "Live sectors on chain that expire within the given number of days, cumulative. StateMinerSectors.Expiration; slow tier.";
    MINER_EXPIRING_PLEDGE_FIL: Gauge "farcaster_miner_expiring_pledge_fil" ["miner_id", "within_days"]
        "Initial pledge of the sectors that expire within the given number of days. StateMinerSectors.InitialPledge; slow tier.";
    MINER_PIPELINE_SECTOR_STATE_TIMESTAMP_SECONDS: Gauge "farcaster_miner_pipeline_sector_state_timestamp_seconds" ["miner_id", "sector", "state", "phase", "content"]
        "When a sector in motion entered its current state, in Unix seconds. A sector that fails and is retried enters one each time. SectorsStatus.State and Log.";
    MINER_PIPELINE_SECTOR_PROGRESS_TIMESTAMP_SECONDS: Gauge "farcaster_miner_pipeline_sector_progress_timestamp_seconds" ["miner_id", "sector"]
        "When a sector in motion last got further than ever since it was packed, or last left its rest, in Unix seconds. Failures, retries and catching up to where it was do not count. SectorsStatus.Log.";
    MINER_PIPELINE_SECTOR_CREATED_TIMESTAMP_SECONDS: Gauge "farcaster_miner_pipeline_sector_created_timestamp_seconds" ["miner_id", "sector"]
        "When a sector in motion was created, in Unix seconds. SectorsStatus.Log.";
    MINER_PIPELINE_SECTOR_PACKED_TIMESTAMP_SECONDS: Gauge "farcaster_miner_pipeline_sector_packed_timestamp_seconds" ["miner_id", "sector"]
        "When a sector in motion was first packed, from when on it is being sealed, in Unix seconds. SectorsStatus.Log.";
    MINER_PIPELINE_SECTOR_TICKET_EXPIRY_TIMESTAMP_SECONDS: Gauge "farcaster_miner_pipeline_sector_ticket_expiry_timestamp_seconds" ["miner_id", "sector"] (Unit::Time { days_ahead: 3 })
        "By when a sector in motion must be pre-committed on chain, or it is sealed anew with another ticket, in Unix seconds: 3780 epochs after its ticket. SectorsStatus.Ticket.Epoch.";
    MINER_PIPELINE_SECTOR_PRECOMMIT_EXPIRY_TIMESTAMP_SECONDS: Gauge "farcaster_miner_pipeline_sector_precommit_expiry_timestamp_seconds" ["miner_id", "sector"] (Unit::Time { days_ahead: 32 })
        "By when a sector in motion must be proven, or its pre-commit expires and the deposit is burned, in Unix seconds: 30 days and 150 epochs after lotus-miner saw the pre-commit on chain, which may be some minutes late. SectorsStatus.Log.";
    MINER_PIPELINE_SECTOR_DEAL_START_TIMESTAMP_SECONDS: Gauge "farcaster_miner_pipeline_sector_deal_start_timestamp_seconds" ["miner_id", "sector"] (Unit::Time { days_ahead: 1500 })
        "By when a sector in motion must be proven for the earliest of its deals to start, in Unix seconds; absent once it is. SectorsStatus.Pieces.DealInfo.DealSchedule.StartEpoch.";
    MINER_PIPELINE_SECTOR_RETRIES: Gauge "farcaster_miner_pipeline_sector_retries" ["miner_id", "sector"]
        "How often a sector in motion was retried. SectorsStatus.Log, which keeps at least 4,000 entries.";
    MINER_PIPELINE_SECTOR_ERROR_INFO: Gauge "farcaster_miner_pipeline_sector_error_info" ["miner_id", "sector", "error"]
        "The first line of the latest error in the log of a sector in motion, always 1. SectorsStatus.Log.";
    MINER_PIPELINE_PIECE_BYTES: Gauge "farcaster_miner_pipeline_piece_bytes" ["miner_id", "sector", "piece", "deal", "client", "verified", "kind"]
        "A deal's piece in a sector in motion: from the storage market (deal, with its id) or a direct deal (direct, with its allocation's id if it is verified). SectorsStatus.Pieces.";
    MINER_FAULTY_SECTOR: Gauge "farcaster_miner_faulty_sector" ["miner_id", "sector", "deadline", "partition", "recovering"]
        "A faulty sector, always 1. StateMinerPartitions.";
    MINER_SEALING_DURATION_SECONDS: Summary "farcaster_miner_sealing_duration_seconds" ["miner_id"]
        "Time from packed to proving, of sectors that the exporter saw being sealed (upgrades not included): quantiles of the last 100; sum and count since the exporter's memory began. SectorsStatus.Log.";
    MINER_JOBS: Gauge "farcaster_miner_jobs" ["miner_id", "task", "state", "worker_host"]
        "Jobs by task and state: running, prepared, assigned; returning or done for jobs from before lotus-miner restarted. WorkerJobs; Curio: ClusterTaskSummary of the miner's tasks, which are running.";
    MINER_JOB_START_TIMESTAMP_SECONDS: Gauge "farcaster_miner_job_start_timestamp_seconds" ["miner_id", "job_id", "sector", "task", "state", "worker", "worker_host"]
        "When a job started, in Unix seconds; for identical jobs that have not begun, the oldest. WorkerJobs.Start.";
    MINER_TASK_DURATION_SECONDS: Summary "farcaster_miner_task_duration_seconds" ["miner_id", "task", "worker_host"]
        "How long jobs ran that the exporter saw end, successfully or not; accurate to half the interval between runs. Counted one run later, and not if their worker or lotus-miner ended meanwhile. WorkerJobs.Start.";
    MINER_SCHEDULER_QUEUE: Gauge "farcaster_miner_scheduler_queue" ["miner_id", "task"]
        "Tasks waiting for a worker in lotus-miner's scheduler, or for a machine of Curio. SealingSchedDiag.SchedInfo.Requests; Curio: ClusterTaskSummary without Owner.";
    MINER_SCHEDULER_QUEUED_SECTOR: Gauge "farcaster_miner_scheduler_queued_sector" ["miner_id", "sector", "task"] (Unit::Scale)
        "The priority of a task that is waiting for a worker, the highest if it is queued several times. SealingSchedDiag.SchedInfo.Requests.";

    // Workers and storage
    WORKER_INFO: Gauge "farcaster_worker_info" ["miner_id", "worker", "worker_host", "gpus"]
        "A worker and the GPUs that it had when it connected, always 1; also a machine of Curio, with the GPUs not named. WorkerStats.Info; Curio: ClusterMachines.";
    WORKER_ENABLED: Gauge "farcaster_worker_enabled" ["miner_id", "worker", "worker_host"]
        "Whether the scheduler gives the worker tasks. WorkerStats.Enabled; Curio: ClusterMachines.Unschedulable.";
    WORKER_CPUS: Gauge "farcaster_worker_cpus" ["miner_id", "worker", "worker_host"]
        "CPU threads of the worker. WorkerStats.Info.Resources.CPUs; Curio: ClusterMachines.Cpu.";
    WORKER_CPUS_USED: Gauge "farcaster_worker_cpus_used" ["miner_id", "worker", "worker_host"]
        "CPU threads that the scheduler counts for the worker's running tasks. WorkerStats.CpuUse.";
    WORKER_GPUS: Gauge "farcaster_worker_gpus" ["miner_id", "worker", "worker_host"]
        "GPUs that the worker had when it connected; absent if it could not count them. WorkerStats.Info.Resources.GPUs; Curio: ClusterMachines.Gpu.";
    WORKER_GPUS_USED: Gauge "farcaster_worker_gpus_used" ["miner_id", "worker", "worker_host"]
        "GPUs that the scheduler counts for the worker's running tasks. WorkerStats.GpuUsed.";
    WORKER_MEMORY_BYTES: Gauge "farcaster_worker_memory_bytes" ["miner_id", "worker", "worker_host"]
        "Physical memory of the worker. WorkerStats.Info.Resources.MemPhysical; Curio: ClusterNodeInfo.Info.Memory, in the slow tier.";
    WORKER_MEMORY_USED_AT_CONNECT_BYTES: Gauge "farcaster_worker_memory_used_at_connect_bytes" ["miner_id", "worker", "worker_host"]
        "Physical memory in use on the worker's host, by any process, when the worker connected; lotus-miner never asks again. WorkerStats.Info.Resources.MemUsed.";
    WORKER_MEMORY_TASKS_BYTES: Gauge "farcaster_worker_memory_tasks_bytes" ["miner_id", "worker", "worker_host"]
        "Physical memory that the scheduler counts for the worker's running tasks. WorkerStats.MemUsedMin.";
    WORKER_SWAP_BYTES: Gauge "farcaster_worker_swap_bytes" ["miner_id", "worker", "worker_host"]
        "Swap space of the worker. WorkerStats.Info.Resources.MemSwap.";
    WORKER_SWAP_USED_AT_CONNECT_BYTES: Gauge "farcaster_worker_swap_used_at_connect_bytes" ["miner_id", "worker", "worker_host"]
        "Swap space in use on the worker's host when the worker connected; lotus-miner never asks again. WorkerStats.Info.Resources.MemSwapUsed.";
    WORKER_VIRTUAL_MEMORY_TASKS_BYTES: Gauge "farcaster_worker_virtual_memory_tasks_bytes" ["miner_id", "worker", "worker_host"]
        "The most memory, including swap, that the worker's running tasks may use, as the scheduler counts it. WorkerStats.MemUsedMax.";
    WORKER_TASKS: Gauge "farcaster_worker_tasks" ["miner_id", "worker", "worker_host", "task"]
        "Tasks that the worker is running, or fetching data for (seal/v0/fetch), or has prepared with nothing to fetch (an empty task). WorkerStats.TaskCounts; Curio: ClusterTaskSummary.Owner.";
    STORAGE_INFO: Gauge "farcaster_storage_info" ["miner_id", "storage_id", "storage_host", "path"]
        "A storage path and the host that serves it, always 1. The miner is empty where a cluster of Curio serves several. StorageInfo.URLs, StorageLocal; Curio: StoragePathList.URLs, LocalPath. Its other figures come from StoragePathList too.";
    STORAGE_UP: Gauge "farcaster_storage_up" ["miner_id", "storage_id"]
        "Whether the free space of the storage path could be read. Also 0 for a path that left lotus-miner's list with sector files in it. StorageStat; Curio: whether a machine measured it within 90 seconds without an error, StoragePathList.LastHeartbeat and HeartbeatErr.";
    STORAGE_DETACHED: Gauge "farcaster_storage_detached" ["miner_id", "storage_id"]
        "For a storage path that left lotus-miner's list with sector files in it: 1 if it was detached, 0 if it was lost when lotus-miner restarted. StorageList, StartTime.";
    STORAGE_CAPACITY_BYTES: Gauge "farcaster_storage_capacity_bytes" ["miner_id", "storage_id"]
        "Size of the storage path's file system. StorageStat.Capacity.";
    STORAGE_AVAILABLE_BYTES: Gauge "farcaster_storage_available_bytes" ["miner_id", "storage_id"]
        "Space that new sectors can use in the storage path: the file system's free space minus reservations, or what the path's limit leaves if that is less. StorageStat.Available.";
    STORAGE_FILESYSTEM_AVAILABLE_BYTES: Gauge "farcaster_storage_filesystem_available_bytes" ["miner_id", "storage_id", "filesystem"]
        "Free space of the storage path's file system, reserved or not. Paths on the same file system share the label filesystem, named after the first of them. StorageStat.FSAvailable.";
    STORAGE_RESERVED_BYTES: Gauge "farcaster_storage_reserved_bytes" ["miner_id", "storage_id"]
        "Space in the storage path that running tasks have reserved but not yet filled. StorageStat.Reserved.";
    STORAGE_USED_BYTES: Gauge "farcaster_storage_used_bytes" ["miner_id", "storage_id"]
        "Space used by files in the storage path, if it has a limit. Lotus does not count it otherwise: used space is then the file system's size minus its free space. StorageStat.Used.";
    STORAGE_MAX_BYTES: Gauge "farcaster_storage_max_bytes" ["miner_id", "storage_id"]
        "The most that files may use in the storage path, if such a limit is set. It may be more than the file system holds. StorageStat.Max.";
    STORAGE_WEIGHT: Gauge "farcaster_storage_weight" ["miner_id", "storage_id"]
        "The storage path's weight when lotus-miner chooses between paths. StorageInfo.Weight.";
    STORAGE_CAN_SEAL: Gauge "farcaster_storage_can_seal" ["miner_id", "storage_id"]
        "Whether the storage path may be used for sealing. StorageInfo.CanSeal.";
    STORAGE_CAN_STORE: Gauge "farcaster_storage_can_store" ["miner_id", "storage_id"]
        "Whether the storage path may store finished sectors. StorageInfo.CanStore.";
    STORAGE_SECTOR_FILES: Gauge "farcaster_storage_sector_files" ["miner_id", "storage_id", "kind"]
        "Sector files in the storage path: unsealed, sealed, cache, update, update_cache, piece. StorageList.SectorFileType; Curio: StoragePathDetail.ByType; slow tier.";

    // Deadlines
    MINER_DEADLINE_CURRENT: Gauge "farcaster_miner_deadline_current" ["miner_id"]
        "The deadline whose window is open now. StateMinerProvingDeadline.Index.";
    MINER_DEADLINE_OPEN_TIMESTAMP_SECONDS: Gauge "farcaster_miner_deadline_open_timestamp_seconds" ["miner_id", "deadline"] (Unit::Time { days_ahead: 2 })
        "When the deadline opened if it is open, otherwise when it opens next, in Unix seconds. StateMinerProvingDeadline.";
    MINER_DEADLINE_CLOSE_TIMESTAMP_SECONDS: Gauge "farcaster_miner_deadline_close_timestamp_seconds" ["miner_id", "deadline"] (Unit::Time { days_ahead: 2 })
        "When the deadline closes if it is open, otherwise when it closes next, in Unix seconds. StateMinerProvingDeadline.";
    MINER_DEADLINE_PARTITIONS: Gauge "farcaster_miner_deadline_partitions" ["miner_id", "deadline"]
        "Partitions of the deadline that have live sectors. StateMinerPartitions.";
    MINER_DEADLINE_DUE_PARTITIONS: Gauge "farcaster_miner_deadline_due_partitions" ["miner_id", "deadline"]
        "Partitions of the deadline that need a proof when it is open: those with at least one sector that is live and not faulty, or recovering. StateMinerPartitions.";
    MINER_DEADLINE_PROVEN_PARTITIONS: Gauge "farcaster_miner_deadline_proven_partitions" ["miner_id", "deadline"]
        "Partitions of the open deadline that need a proof and have it. StateMinerDeadlines.PostSubmissions, StateMinerPartitions.";
    MINER_DEADLINE_LIVE_SECTORS: Gauge "farcaster_miner_deadline_live_sectors" ["miner_id", "deadline"]
        "Live sectors of the deadline. StateMinerPartitions.LiveSectors.";
    MINER_DEADLINE_ACTIVE_SECTORS: Gauge "farcaster_miner_deadline_active_sectors" ["miner_id", "deadline"]
        "Active sectors of the deadline. StateMinerPartitions.ActiveSectors.";
    MINER_DEADLINE_FAULTY_SECTORS: Gauge "farcaster_miner_deadline_faulty_sectors" ["miner_id", "deadline"]
        "Faulty sectors of the deadline. StateMinerPartitions.FaultySectors.";
    MINER_DEADLINE_RECOVERING_SECTORS: Gauge "farcaster_miner_deadline_recovering_sectors" ["miner_id", "deadline"]
        "Recovering sectors of the deadline. StateMinerPartitions.RecoveringSectors.";
    MINER_DEADLINE_DAILY_FEE_FIL: Gauge "farcaster_miner_deadline_daily_fee_fil" ["miner_id", "deadline"]
        "The fee that is paid each day when the deadline closes (FIP-0100). StateMinerDeadlines.DailyFee.";

    // Deals (Boost)
    BOOST_DEALS: Gauge "farcaster_boost_deals" ["miner_id", "kind", "checkpoint"]
        "Deals that Boost has, by the last checkpoint reached; failed ones count as Complete. Boost's deals and directDeals.totalCount.";
    BOOST_PUBLISH_QUEUE_DEALS: Gauge "farcaster_boost_publish_queue_deals" ["miner_id"]
        "Deals waiting to be published in a batch. Boost's dealPublish.Deals.";
    BOOST_PUBLISH_QUEUE_BYTES: Gauge "farcaster_boost_publish_queue_bytes" ["miner_id"]
        "Total piece size of those deals. Boost's dealPublish.Deals.PieceSize.";
    BOOST_PUBLISH_TIMESTAMP_SECONDS: Gauge "farcaster_boost_publish_timestamp_seconds" ["miner_id"] (Unit::Time { days_ahead: 31 })
        "When those deals will be published, in Unix seconds; absent if they have to be published by hand (ManualPSD). Boost's dealPublish.Start and Period.";
    BOOST_PUBLISH_QUEUE_DEAL_BYTES: Gauge "farcaster_boost_publish_queue_deal_bytes" ["miner_id", "deal", "client", "client_name"]
        "Piece size of a deal that is waiting to be published. Boost's dealPublish.Deals.";
    BOOST_FUNDS_FIL: Gauge "farcaster_boost_funds_fil" ["miner_id", "account", "state"]
        "FIL for deals: in the market escrow (available, locked by deals on chain) and in the collateral and publish wallets (available); tagged is the part that unpublished deals will need. Boost's funds.";
    BOOST_STAGING_BYTES: Gauge "farcaster_boost_staging_bytes" ["miner_id", "state"]
        "Boost's staging area: staged for sealing, transferred and pending parts of running transfers, free. Boost's storage.";
    BOOST_TRANSFERS: Gauge "farcaster_boost_transfers" ["miner_id", "host"]
        "Transfers from this host, queued ones included. Boost's transferStats.Stats.Total.";
    BOOST_TRANSFERS_STALLED: Gauge "farcaster_boost_transfers_stalled" ["miner_id", "host"]
        "Transfers from this host that make no progress. Boost's transferStats.Stats.Stalled.";
    BOOST_TRANSFERRED_BYTES_TOTAL: Counter "farcaster_boost_transferred_bytes_total" ["miner_id"]
        "Bytes received by transfers since the exporter's memory began, estimated: Boost reports the last 20 seconds, which are taken as typical of the time since the previous run. Boost's transfers.";
    BOOST_ASK_PRICE_FIL: Gauge "farcaster_boost_ask_price_fil" ["miner_id", "kind"]
        "The ask price per GiB and epoch for unverified or verified deals, in FIL. Boost's storageAsk.";
    BOOST_PEERS: Gauge "farcaster_boost_peers" ["miner_id"]
        "Peers that Boost is connected to. Boost's NetPeers.";
    BOOST_RECEIVE_BYTES_TOTAL: Counter "farcaster_boost_receive_bytes_total" ["miner_id"]
        "Bytes received from the network since Boost started. Boost's NetBandwidthStats.TotalIn.";
    BOOST_TRANSMIT_BYTES_TOTAL: Counter "farcaster_boost_transmit_bytes_total" ["miner_id"]
        "Bytes sent to the network since Boost started. Boost's NetBandwidthStats.TotalOut.";

    // Curio
    CURIO_INFO: Gauge "farcaster_curio_info" ["cluster", "variant", "version"]
        "A Curio cluster (curio) or a node that has PDP only (skiff), by the address of its web UI, and the version of the machine that serves that, always 1. Version, UIVariant.";
    CURIO_MINER_INFO: Gauge "farcaster_curio_miner_info" ["cluster", "miner_id"]
        "A miner that the cluster serves, always 1. ActorList.";
    CURIO_WEB_EXPOSED: Gauge "farcaster_curio_web_exposed" ["cluster"]
        "Whether the web UI, which has no password, answers on an address other than the loopback of its machine: everyone who reaches it can move money and read the keys. Absent where the exporter itself needs a password. Version, asked on an address of this machine every --slow-interval.";
    CURIO_MACHINE_INFO: Gauge "farcaster_curio_machine_info" ["cluster", "machine", "worker", "layers", "version"]
        "A machine of the cluster, always 1; the label worker joins it to farcaster_worker_*. One that runs only `curio web` has no address, and is called that. ClusterMachines.Name, Address, Layers, Version.";
    CURIO_MACHINE_UP: Gauge "farcaster_curio_machine_up" ["cluster", "machine"]
        "Whether the machine was in touch with the cluster within two minutes. Also 0 for one that left Curio's list, as it does after ten minutes of silence, for three days. ClusterMachines.SinceContact.";
    CURIO_MACHINE_LAST_CONTACT_TIMESTAMP_SECONDS: Gauge "farcaster_curio_machine_last_contact_timestamp_seconds" ["cluster", "machine"]
        "When the machine was last in touch, in Unix seconds; it is once a minute. ClusterMachines.SinceContact.";
    CURIO_MACHINE_START_TIME_SECONDS: Gauge "farcaster_curio_machine_start_time_seconds" ["cluster", "machine"]
        "When the machine's Curio started, in Unix seconds. ClusterNodeInfo.Info.StartupTime; slow tier.";
    CURIO_MACHINE_RESTARTING: Gauge "farcaster_curio_machine_restarting" ["cluster", "machine"]
        "Whether a restart of the machine was requested and is not done. ClusterMachines.Restarting, RestartRequest.";
    CURIO_TASKS: Gauge "farcaster_curio_tasks" ["cluster", "task", "machine", "state"]
        "Tasks in the cluster's queue: running on a machine, or waiting for one (machine is empty). ClusterTaskSummary.Name, Owner.";
    CURIO_TASK_OLDEST_TIMESTAMP_SECONDS: Gauge "farcaster_curio_task_oldest_timestamp_seconds" ["cluster", "task", "state"]
        "When the task of this kind and state that has not changed for the longest last did, in Unix seconds: when it was posted, returned or taken. ClusterTaskSummary.SincePosted.";
    CURIO_TASKS_FINISHED_24H: Gauge "farcaster_curio_tasks_finished_24h" ["cluster", "task", "result"]
        "Tasks that worked (success), or did not in any attempt yet (failure), in the last 24 hours; attempts before Curio v1.28.2. HarmonyTaskStats.";
    CURIO_PIPELINE_SECTORS: Gauge "farcaster_curio_pipeline_sectors" ["cluster", "pipeline", "stage"]
        "Sectors in the pipeline (PoRep, Snap) by the first stage that is not done, or failed, which is no stage of it; complete ones stay for some minutes. SectorPipelineStats.";
    CURIO_PIPELINE_FAILED_SECTORS: Gauge "farcaster_curio_pipeline_failed_sectors" ["cluster", "miner_id", "pipeline"]
        "Sectors of the miner in the pipeline that failed and wait for somebody. PorepPipelineSummary.CountFailed, UpgradeSectors.Failed.";
    CURIO_PIPELINE_STUCK_SECTORS: Gauge "farcaster_curio_pipeline_stuck_sectors" ["cluster", "miner_id", "pipeline"]
        "Sectors of the miner in the pipeline that wait for a task that no longer exists, until somebody restarts them. PipelinePorepSectors.MissingTasks, in the slow tier; UpgradeSectors.MissingTasks.";
    CURIO_PIPELINE_PROBLEM_SECTOR: Gauge "farcaster_curio_pipeline_problem_sector" ["cluster", "miner_id", "sector", "pipeline", "problem", "reason"]
        "A sector in the pipeline that failed or is stuck, and Curio's word for why it failed, always 1. PipelinePorepSectors.FailedReason, in the slow tier; UpgradeSectors.FailedReason.";
    CURIO_MARKET_PIPELINE_DEALS: Gauge "farcaster_curio_market_pipeline_deals" ["cluster", "stage", "state"]
        "MK12 deals in the market's pipeline whose task is running or pending; a deal counts once for each download of the same piece. PipelineStatsMarket.Stages.";
    CURIO_MARKET_FAILED_DEALS: Gauge "farcaster_curio_market_failed_deals" ["cluster", "product", "stage"]
        "Deals in the pipeline whose task at this stage failed: of the products mk12, mk20 and pdp (uploads). MK12PipelineFailedTasks, MK20PipelineFailedTasks, MK20PDPPipelineFailedTasks.";
    CURIO_ASK_PRICE_FIL: Gauge "farcaster_curio_ask_price_fil" ["cluster", "miner_id", "kind"]
        "The ask price per GiB and epoch for unverified or verified deals, in FIL; absent if the miner has set none. GetStorageAsk.Price, VerifiedPrice.";
    CURIO_PIECES: Gauge "farcaster_curio_pieces" ["cluster", "state"]
        "Pieces that the market has (total), and those of them that are indexed, and announced to IPNI. PieceSummary.";
    CURIO_MESSAGES_WAITING: Gauge "farcaster_curio_messages_waiting" ["cluster", "kind"]
        "Messages that Curio sent and has not seen executed: of Filecoin (fil) or Ethereum (eth). MessageQueueSummary; PendingMessages.total before Curio v1.28.3.";
    CURIO_MESSAGE_OLDEST_TIMESTAMP_SECONDS: Gauge "farcaster_curio_message_oldest_timestamp_seconds" ["cluster", "kind"]
        "When the oldest of those messages was sent, in Unix seconds; absent if there is none, or it is not among those that Curio names. MessageQueueSummary.filPending and ethPending, PendingMessages.messages.";
    CURIO_STORAGE_HEARTBEAT_TIMESTAMP_SECONDS: Gauge "farcaster_curio_storage_heartbeat_timestamp_seconds" ["cluster", "storage_id"]
        "When a machine last measured the storage path, in Unix seconds; it is every ten seconds. StoragePathList.LastHeartbeat.";
    CURIO_STORAGE_GC_FILES: Gauge "farcaster_curio_storage_gc_files" ["cluster", "miner_id"]
        "Sector files marked for removal, approved or not; 0 if there are none. StorageGCStats.";
    CURIO_CHAIN_NODE_UP: Gauge "farcaster_curio_chain_node_up" ["cluster", "address"]
        "Whether Curio reaches this full node of its configuration. SyncerState.Reachable.";
    CURIO_CHAIN_NODE_SYNCED: Gauge "farcaster_curio_chain_node_synced" ["cluster", "address"]
        "Whether that full node is less than 1.5 epochs behind; absent if it is not reached. SyncerState.SyncState.";
    CURIO_CHAIN_NODE_BEHIND_SECONDS: Gauge "farcaster_curio_chain_node_behind_seconds" ["cluster", "address"]
        "How far that full node is behind, if it is more than 1.5 epochs. SyncerState.SyncState.";
    CURIO_ALERT_ACTIVE: Gauge "farcaster_curio_alert_active" ["cluster", "alert"]
        "An alert of Curio's own that is on, always 1. AlertOngoingList.AlertName.";
    CURIO_ALERTS: Gauge "farcaster_curio_alerts" ["cluster"]
        "Alerts of Curio's own that are on. AlertOngoingList.";
    CURIO_ALERTS_UNACKNOWLEDGED: Gauge "farcaster_curio_alerts_unacknowledged" ["cluster"]
        "Alerts of Curio's own, on or past, that nobody has acknowledged. AlertUnacknowledgedCount.";
    CURIO_RECENT_BLOCKS: Gauge "farcaster_curio_recent_blocks" ["cluster", "miner_id", "outcome"]
        "The last eight blocks that the cluster won, by outcome: included, not_included (orphaned), not_checked (too young), not_submitted. WinStats.";
    CURIO_LAST_WIN_TIMESTAMP_SECONDS: Gauge "farcaster_curio_last_win_timestamp_seconds" ["cluster", "miner_id"]
        "When the miner's latest block among them was begun, in Unix seconds. WinStats.BaseComputeTime.";
    CURIO_LAST_LOST_BLOCK_TIMESTAMP_SECONDS: Gauge "farcaster_curio_last_lost_block_timestamp_seconds" ["cluster", "miner_id"]
        "When the miner's latest block among them was begun that was not included, or not submitted within five minutes, in Unix seconds; absent if there is none. WinStats.IncludedStr, SubmittedAt.";
    CURIO_BLOCK_COMPUTE_DURATION_SECONDS: Gauge "farcaster_curio_block_compute_duration_seconds" ["cluster", "miner_id"]
        "How long the proof of the miner's latest block among them took. WinStats.ComputeTime.";

    // PDP
    PDP_DATA_SETS: Gauge "farcaster_pdp_data_sets" ["cluster", "status"]
        "Data sets by status: uninit (without data), scheduled, in-window, overdue, unrecoverable (given up for good), as of now, even if Curio's full node is behind. PDPDataSetList, PDPProvingStatus.headEpoch, SyncerState.";
    PDP_DATA_SETS_OVERDUE: Gauge "farcaster_pdp_data_sets_overdue" ["cluster"]
        "Data sets whose window to prove them has closed without a proof. PDPProvingStatus.overdueCount; PDPDataSetList while Curio's full node is behind.";
    PDP_PROBLEM_DATA_SET: Gauge "farcaster_pdp_problem_data_set" ["cluster", "data_set", "status"]
        "A data set that is overdue or unrecoverable, always 1. PDPDataSetList, PDPProvingStatus.headEpoch.";
    PDP_NEXT_PROOF_TIMESTAMP_SECONDS: Gauge "farcaster_pdp_next_proof_timestamp_seconds" ["cluster"] (Unit::Time { days_ahead: 1500 })
        "When the next window to prove a data set opens, or the open one did, in Unix seconds. PDPProvingStatus.nextProveAtEpoch.";
    PDP_NEXT_DEADLINE_TIMESTAMP_SECONDS: Gauge "farcaster_pdp_next_deadline_timestamp_seconds" ["cluster"] (Unit::Time { days_ahead: 1500 })
        "When that window closes, in Unix seconds; windows that were missed do not count. PDPProvingStatus.nextDeadlineEpoch.";
    PDP_DATA_BYTES: Gauge "farcaster_pdp_data_bytes" ["cluster"]
        "Padded size of the data in data sets that are being proven. PDPDashboardSummary.dataUnderProofBytes.";
    PDP_PIECES: Gauge "farcaster_pdp_pieces" ["cluster"]
        "Pieces in those data sets. PDPDashboardSummary.pieceCount.";
    PDP_PROOFS_30D: Gauge "farcaster_pdp_proofs_30d" ["cluster", "result"]
        "Tasks to prove a data set that worked (success) or not (failure) in the last 30 days. PDPDashboardSummary.provingSuccessCount, provingFailureCount.";
    PDP_DATA_SETS_LOST_30D: Gauge "farcaster_pdp_data_sets_lost_30d" ["cluster"]
        "Data sets that were given up in the last 30 days. PDPDashboardSummary.faultedPeriods30d.";
    PDP_LAST_FAILED_PROOF_TIMESTAMP_SECONDS: Gauge "farcaster_pdp_last_failed_proof_timestamp_seconds" ["cluster"]
        "When a proof last failed, in Unix seconds; absent if none did within seven days. PDPProvingFailures.workEnd.";
    PDP_LAST_LOST_DATA_SET_TIMESTAMP_SECONDS: Gauge "farcaster_pdp_last_lost_data_set_timestamp_seconds" ["cluster"]
        "When a data set was last given up, in Unix seconds; absent if none ever was. PDPDataSetList.unrecoverableFailureEpoch.";
    PDP_KEY_CONFIGURED: Gauge "farcaster_pdp_key_configured" ["cluster"]
        "Whether there is a key for PDP. PDPKeyStatus.configured.";
    PDP_WALLET_FUNDED: Gauge "farcaster_pdp_wallet_funded" ["cluster"]
        "Whether the key's wallet has any FIL, which proofs cost; absent if its balance is not known. PDPKeyStatus.funded.";
    PDP_WALLET_BALANCE_FIL: Gauge "farcaster_pdp_wallet_balance_fil" ["cluster", "address"]
        "FIL in the key's wallet, rounded by Curio to three decimals. PDPKeyStatus.balance, filAddress.";
    PDP_WALLET_BALANCE_USDFC: Gauge "farcaster_pdp_wallet_balance_usdfc" ["cluster", "address"]
        "USDFC, in which PDP is paid, in the key's wallet. PDPKeyStatus.usdfcBalance, filAddress.";
}
