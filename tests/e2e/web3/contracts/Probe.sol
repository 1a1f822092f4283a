// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// Something of each: storage, events, reverts, block data, creation.
contract Probe {
    error Refused(address who, uint256 code);

    event Changed(address indexed who, uint256 indexed before, uint256 value, string note);

    uint256 public value;
    string public note;
    mapping(address => uint256) public calls;
    address public child;

    constructor(uint256 first) {
        value = first;
    }

    function set(uint256 next, string calldata text) external returns (uint256 before) {
        before = value;
        value = next;
        note = text;
        calls[msg.sender]++;
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

    function failWithError(uint256 code) external view {
        revert Refused(msg.sender, code);
    }

    function failWithPanic(uint256 by) external view returns (uint256) {
        return value / by;
    }

    function makeChild() external returns (address) {
        child = address(new Child());
        return child;
    }

    function blockData() external view returns (uint256 number, uint256 time, uint256 chain) {
        return (block.number, block.timestamp, block.chainid);
    }

    function echo(bytes calldata data) external pure returns (bytes memory) {
        return data;
    }
}

contract Child {
    address public parent = msg.sender;
}
