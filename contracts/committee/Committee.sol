// SPDX-License-Identifier: Apache-2.0
pragma solidity >=0.5.2 <0.9.0;

import "./Owned.sol";

/// Who governs the chain: governors with weights, and the two rates of a vote in percent.
/// The node reads getCommitteeInfo (spec/40 7.4).
contract Committee is Owned {
    uint8 public _participatesRate;
    uint8 public _winRate;

    address[] private list;
    mapping(address => uint32) private weightOf; // 0: no governor

    constructor(
        address[] memory governorList,
        uint32[] memory weightList,
        uint8 participatesRate,
        uint8 winRate
    ) public {
        require(governorList.length == weightList.length, "Lengths differ");
        for (uint256 i = 0; i < governorList.length; i++) {
            setWeight(governorList[i], weightList[i]);
        }
        require(list.length > 0, "No governor");
        setRate(participatesRate, winRate);
    }

    /// Adds a governor, changes a weight, or with weight 0 removes a governor. The last one stays:
    /// without any the chain could never be governed again.
    function setWeight(address governor, uint32 weight) public onlyOwner {
        require(governor != address(0), "Governor is zero");
        if (weight == 0) {
            remove(governor);
        } else {
            if (weightOf[governor] == 0) {
                list.push(governor);
            }
            weightOf[governor] = weight;
            getWeights(); // the sum must fit
        }
    }

    function remove(address governor) private {
        require(weightOf[governor] > 0, "Not a governor");
        require(list.length > 1, "Last governor");
        weightOf[governor] = 0;
        uint256 i = 0;
        while (list[i] != governor) {
            i++;
        }
        list[i] = list[list.length - 1];
        list.pop();
    }

    function setRate(uint8 participatesRate, uint8 winRate) public onlyOwner {
        require(participatesRate <= 100 && winRate <= 100, "Rate above 100");
        _participatesRate = participatesRate;
        _winRate = winRate;
    }

    function isGovernor(address governor) public view returns (bool) {
        return weightOf[governor] > 0;
    }

    function getWeight(address governor) public view returns (uint32) {
        return weightOf[governor];
    }

    /// Weight of all governors.
    function getWeights() public view returns (uint32) {
        return getWeights(list);
    }

    /// Weight of these; an address that governs no more weighs nothing.
    function getWeights(address[] memory votes) public view returns (uint32) {
        uint256 sum = 0;
        for (uint256 i = 0; i < votes.length; i++) {
            sum += weightOf[votes[i]];
        }
        require(sum < 2**32, "Weights too large");
        return uint32(sum);
    }

    function getCommitteeInfo()
        public
        view
        returns (
            uint8 participatesRate,
            uint8 winRate,
            address[] memory governors,
            uint32[] memory weights
        )
    {
        participatesRate = _participatesRate;
        winRate = _winRate;
        governors = list;
        weights = new uint32[](list.length);
        for (uint256 i = 0; i < list.length; i++) {
            weights[i] = weightOf[list[i]];
        }
    }
}
