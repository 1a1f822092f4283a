// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.5.2;

/// What Main calls of the other Probe, for the compiler with SM3 selectors (only 0.5.2 is in a registry).
contract Probe {
    event Changed(address indexed who, uint256 indexed before, uint256 value, string note);

    uint256 public value;
    string public note;

    constructor(uint256 first) public {
        value = first;
    }

    function set(uint256 next, string calldata text) external returns (uint256 before) {
        before = value;
        value = next;
        note = text;
        emit Changed(msg.sender, before, next, text);
    }

    function add(uint256 n) external returns (uint256) {
        value += n;
        return value;
    }

    function failWithText() external {
        value = 0;
        revert("not today");
    }
}
