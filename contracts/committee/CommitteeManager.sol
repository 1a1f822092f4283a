// SPDX-License-Identifier: Apache-2.0
pragma solidity >=0.5.2 <0.9.0;
pragma experimental ABIEncoderV2;

import "./Committee.sol";
import "./ProposalManager.sol";

// The system contracts that obey only this one while permission checks are on. They answer with 0
// or a negative code.
interface SystemConfig {
    function setValueByKey(string calldata key, string calldata value) external returns (int256);
}

interface Consensus {
    function addSealer(string calldata node, uint256 weight) external returns (int256);

    function addObserver(string calldata node) external returns (int256);

    function remove(string calldata node) external returns (int256);

    function setWeight(string calldata node, uint256 weight) external returns (int256);
}

interface ContractAuth {
    function resetAdmin(address contractAddr, address admin) external returns (int256);

    function setDeployAuthType(uint8 authType) external returns (int256);

    function openDeployAuth(address account) external returns (int256);

    function closeDeployAuth(address account) external returns (int256);
}

/// The chain's government, deployed in block 0. A governor proposes, which is also the first vote;
/// when the votes suffice the proposal is carried out in the same transaction. A proposal is
/// stored as the call that it will make, so that what is voted on is what is done.
contract CommitteeManager {
    SystemConfig private constant CONFIG = SystemConfig(address(0x1000));
    Consensus private constant CONSENSUS = Consensus(address(0x1003));
    ContractAuth private constant AUTH = ContractAuth(address(0x1005));

    uint8 private constant FINISHED = 2;

    // Types, as clients know them.
    uint8 private constant SET_WEIGHT = 11;
    uint8 private constant SET_RATE = 12;
    uint8 private constant UPGRADE_VOTE_COMPUTER = 13;
    uint8 private constant SET_DEPLOY_AUTH_TYPE = 21;
    uint8 private constant MODIFY_DEPLOY_AUTH = 22;
    uint8 private constant RESET_ADMIN = 31;
    uint8 private constant SET_SYS_CONFIG = 41;
    uint8 private constant SET_NODE_WEIGHT = 51;
    uint8 private constant REMOVE_NODE = 52;

    struct Action {
        address target;
        bytes data;
    }

    Committee public _committee;
    ProposalManager public _proposalMgr;
    mapping(uint256 => Action) private actions;

    /// Result of a proposal that was carried out: 0 or the system contract's code.
    event execResult(int256);

    constructor(
        address[] memory initGovernors,
        uint32[] memory weights,
        uint8 participatesRate,
        uint8 winRate
    ) public {
        _committee = new Committee(initGovernors, weights, participatesRate, winRate);
        _proposalMgr = new ProposalManager(address(this), address(_committee));
    }

    modifier onlyGovernor() {
        require(isGovernor(msg.sender), "You must be governor");
        _;
    }

    function isGovernor(address account) public view returns (bool) {
        return _committee.isGovernor(account);
    }

    function getProposalType(uint256 proposalId) public view returns (uint8) {
        (, , uint8 proposalType, , ) = _proposalMgr._proposals(proposalId);
        return proposalType;
    }

    /// weight 0 removes the governor.
    function createUpdateGovernorProposal(
        address account,
        uint32 weight,
        uint256 blockNumberInterval
    ) public returns (uint256 currentproposalId) {
        return
            propose(
                SET_WEIGHT,
                account,
                blockNumberInterval,
                address(_committee),
                abi.encodeWithSelector(_committee.setWeight.selector, account, weight)
            );
    }

    function createSetRateProposal(
        uint8 participatesRate,
        uint8 winRate,
        uint256 blockNumberInterval
    ) public returns (uint256 currentproposalId) {
        require(participatesRate <= 100 && winRate <= 100, "Rate above 100");
        return
            propose(
                SET_RATE,
                address(_committee),
                blockNumberInterval,
                address(_committee),
                abi.encodeWithSelector(_committee.setRate.selector, participatesRate, winRate)
            );
    }

    function createUpgradeVoteComputerProposal(address newAddr, uint256 blockNumberInterval)
        public
        returns (uint256 currentproposalId)
    {
        return
            propose(
                UPGRADE_VOTE_COMPUTER,
                address(_proposalMgr),
                blockNumberInterval,
                address(_proposalMgr),
                abi.encodeWithSelector(_proposalMgr.setVoteComputer.selector, newAddr)
            );
    }

    /// 0: anybody may deploy, 1: white list, 2: black list.
    function createSetDeployAuthTypeProposal(uint8 deployAuthType, uint256 blockNumberInterval)
        public
        returns (uint256 currentproposalId)
    {
        return
            propose(
                SET_DEPLOY_AUTH_TYPE,
                address(AUTH),
                blockNumberInterval,
                address(AUTH),
                abi.encodeWithSelector(AUTH.setDeployAuthType.selector, deployAuthType)
            );
    }

    function createModifyDeployAuthProposal(
        address account,
        bool openFlag,
        uint256 blockNumberInterval
    ) public returns (uint256 currentproposalId) {
        bytes4 selector = openFlag ? AUTH.openDeployAuth.selector : AUTH.closeDeployAuth.selector;
        return
            propose(
                MODIFY_DEPLOY_AUTH,
                account,
                blockNumberInterval,
                address(AUTH),
                abi.encodeWithSelector(selector, account)
            );
    }

    function createResetAdminProposal(
        address newAdmin,
        address contractAddr,
        uint256 blockNumberInterval
    ) public returns (uint256 currentproposalId) {
        return
            propose(
                RESET_ADMIN,
                contractAddr,
                blockNumberInterval,
                address(AUTH),
                abi.encodeWithSelector(AUTH.resetAdmin.selector, contractAddr, newAdmin)
            );
    }

    /// addFlag: make the node a sealer, or an observer with weight 0; else change its weight.
    function createSetConsensusWeightProposal(
        string memory node,
        uint32 weight,
        bool addFlag,
        uint256 blockNumberInterval
    ) public returns (uint256 currentproposalId) {
        bytes memory data;
        if (!addFlag) {
            data = abi.encodeWithSelector(CONSENSUS.setWeight.selector, node, uint256(weight));
        } else if (weight == 0) {
            data = abi.encodeWithSelector(CONSENSUS.addObserver.selector, node);
        } else {
            data = abi.encodeWithSelector(CONSENSUS.addSealer.selector, node, uint256(weight));
        }
        return propose(SET_NODE_WEIGHT, idOf(node), blockNumberInterval, address(CONSENSUS), data);
    }

    function createRmNodeProposal(string memory node, uint256 blockNumberInterval)
        public
        returns (uint256 currentproposalId)
    {
        return
            propose(
                REMOVE_NODE,
                idOf(node),
                blockNumberInterval,
                address(CONSENSUS),
                abi.encodeWithSelector(CONSENSUS.remove.selector, node)
            );
    }

    function createSetSysConfigProposal(
        string memory key,
        string memory value,
        uint256 blockNumberInterval
    ) public returns (uint256 currentproposalId) {
        return
            propose(
                SET_SYS_CONFIG,
                idOf(key),
                blockNumberInterval,
                address(CONFIG),
                abi.encodeWithSelector(CONFIG.setValueByKey.selector, key, value)
            );
    }

    function voteProposal(uint256 proposalId, bool agree) public onlyGovernor {
        if (_proposalMgr.vote(proposalId, agree, msg.sender) == FINISHED) {
            execute(proposalId);
        }
    }

    /// Only whoever proposed it.
    function revokeProposal(uint256 proposalId) public onlyGovernor {
        _proposalMgr.revoke(proposalId, msg.sender);
        delete actions[proposalId];
    }

    function propose(
        uint8 proposalType,
        address resourceId,
        uint256 blockNumberInterval,
        address target,
        bytes memory data
    ) private onlyGovernor returns (uint256 proposalId) {
        proposalId = _proposalMgr.create(msg.sender, proposalType, resourceId, blockNumberInterval);
        actions[proposalId].target = target;
        actions[proposalId].data = data;
        voteProposal(proposalId, true);
    }

    /// Makes the call. A revert undoes the deciding vote too, with the reason of the revert; a code
    /// is told in the event, and the proposal is over.
    function execute(uint256 proposalId) private {
        Action memory action = actions[proposalId];
        delete actions[proposalId];
        (bool ok, bytes memory output) = action.target.call(action.data);
        if (!ok) {
            assembly {
                revert(add(output, 32), mload(output))
            }
        }
        emit execResult(output.length >= 32 ? abi.decode(output, (int256)) : int256(0));
    }

    /// A name's stand-in where the index wants an address.
    function idOf(string memory name) private pure returns (address) {
        return address(uint160(uint256(keccak256(bytes(name)))));
    }
}
