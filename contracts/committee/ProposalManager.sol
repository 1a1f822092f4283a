// SPDX-License-Identifier: Apache-2.0
pragma solidity >=0.5.2 <0.9.0;
pragma experimental ABIEncoderV2;

import "./Owned.sol";
import "./Committee.sol";

/// A contract that the committee may put in place of the built-in rule of decision.
interface VoteComputer {
    /// One of the states below: WAITING, FINISHED or FAILED.
    function determineVoteResult(address[] calldata agreeVoters, address[] calldata againstVoters)
        external
        view
        returns (uint8);
}

/// Proposals and their votes. What a proposal does when it is accepted is the manager's matter.
contract ProposalManager is Owned {
    // States, as clients know them.
    uint8 private constant WAITING = 1; // for more votes
    uint8 private constant FINISHED = 2; // accepted
    uint8 private constant FAILED = 3; // rejected
    uint8 private constant REVOKED = 4;
    uint8 private constant OUTDATED = 5;

    struct ProposalInfo {
        address resourceId; // what it is about; with the type: one open proposal at a time
        address proposer;
        uint8 proposalType;
        uint256 blockNumberInterval; // last block in which it can be voted on
        uint8 status;
        address[] agreeVoters;
        address[] againstVoters;
    }

    Committee private committee;
    address public _voteComputer; // zero: the built-in rule
    uint256 public _proposalCount; // ids are 1 .. count
    mapping(uint256 => ProposalInfo) public _proposals;
    mapping(uint8 => mapping(address => uint256)) public _proposalIndex; // latest id

    constructor(address committeeMgrAddress, address committeeAddress) public {
        _owner = committeeMgrAddress;
        committee = Committee(committeeAddress);
    }

    modifier exists(uint256 proposalId) {
        require(proposalId > 0 && proposalId <= _proposalCount, "Proposal not exist");
        _;
    }

    function setVoteComputer(address addr) public onlyOwner {
        _voteComputer = addr;
    }

    function create(
        address proposer,
        uint8 proposalType,
        address resourceId,
        uint256 blockNumberInterval
    ) public onlyOwner returns (uint256) {
        uint256 before = _proposalIndex[proposalType][resourceId];
        if (before > 0) {
            require(refreshProposalStatus(before) != WAITING, "Current proposal not end");
        }
        uint256 end = block.number + blockNumberInterval;
        require(blockNumberInterval > 0 && end > block.number, "Bad block number interval");
        _proposalCount++;
        ProposalInfo storage p = _proposals[_proposalCount];
        p.resourceId = resourceId;
        p.proposer = proposer;
        p.proposalType = proposalType;
        p.blockNumberInterval = end;
        p.status = WAITING;
        _proposalIndex[proposalType][resourceId] = _proposalCount;
        return _proposalCount;
    }

    /// Counts a vote and returns the state after it. The caller has checked that the voter governs.
    function vote(
        uint256 proposalId,
        bool agree,
        address voterAddress
    ) public onlyOwner exists(proposalId) returns (uint8) {
        ProposalInfo storage p = _proposals[proposalId];
        require(refreshProposalStatus(proposalId) == WAITING, "Proposal not votable");
        require(
            !contains(p.agreeVoters, voterAddress) && !contains(p.againstVoters, voterAddress),
            "Already voted"
        );
        if (agree) {
            p.agreeVoters.push(voterAddress);
        } else {
            p.againstVoters.push(voterAddress);
        }
        uint8 status = decide(p.agreeVoters, p.againstVoters);
        require(status >= WAITING && status <= FAILED, "Bad vote result");
        p.status = status;
        return status;
    }

    function revoke(uint256 proposalId, address voterAddress)
        public
        onlyOwner
        exists(proposalId)
    {
        ProposalInfo storage p = _proposals[proposalId];
        require(p.proposer == voterAddress, "Only proposer can revoke");
        require(refreshProposalStatus(proposalId) == WAITING, "Only not-ended proposal can be revoked");
        p.status = REVOKED;
    }

    /// Closes a proposal whose time is over; anybody may ask for it.
    function refreshProposalStatus(uint256 proposalId) public exists(proposalId) returns (uint8) {
        ProposalInfo storage p = _proposals[proposalId];
        if (p.status == WAITING && block.number > p.blockNumberInterval) {
            p.status = OUTDATED;
        }
        return p.status;
    }

    /// Enough weight must have voted; of the weight that has, enough must agree.
    function decide(address[] memory agree, address[] memory against) private view returns (uint8) {
        if (_voteComputer != address(0)) {
            return VoteComputer(_voteComputer).determineVoteResult(agree, against);
        }
        uint256 agreed = committee.getWeights(agree);
        uint256 voted = agreed + committee.getWeights(against);
        uint256 all = committee.getWeights();
        if (voted * 100 < all * committee._participatesRate()) {
            return WAITING;
        }
        // A rate of zero asks for one vote in favour, not for none.
        return agreed > 0 && agreed * 100 >= voted * committee._winRate() ? FINISHED : FAILED;
    }

    function contains(address[] storage voters, address voter) private view returns (bool) {
        for (uint256 i = 0; i < voters.length; i++) {
            if (voters[i] == voter) {
                return true;
            }
        }
        return false;
    }

    function getProposalStatus(uint256 proposalId) public view exists(proposalId) returns (uint8) {
        return _proposals[proposalId].status;
    }

    function getIdByTypeAndResourceId(uint8 proposalType, address resourceId)
        public
        view
        returns (uint256)
    {
        return _proposalIndex[proposalType][resourceId];
    }

    function getProposalInfo(uint256 proposalId)
        public
        view
        exists(proposalId)
        returns (
            address resourceId,
            address proposer,
            uint8 proposalType,
            uint256 blockNumberInterval,
            uint8 status,
            address[] memory agreeVoters,
            address[] memory againstVoters
        )
    {
        ProposalInfo storage p = _proposals[proposalId];
        resourceId = p.resourceId;
        proposer = p.proposer;
        proposalType = p.proposalType;
        blockNumberInterval = p.blockNumberInterval;
        status = p.status;
        agreeVoters = p.agreeVoters;
        againstVoters = p.againstVoters;
    }

    /// Proposals from .. to, both included, as far as they exist.
    function getProposalInfoList(uint256 from, uint256 to)
        public
        view
        returns (ProposalInfo[] memory)
    {
        uint256 first = from == 0 ? 1 : from;
        uint256 last = to > _proposalCount ? _proposalCount : to;
        if (first > last) {
            return new ProposalInfo[](0);
        }
        ProposalInfo[] memory found = new ProposalInfo[](last - first + 1);
        for (uint256 i = 0; i < found.length; i++) {
            found[i] = _proposals[first + i];
        }
        return found;
    }
}
