// SPDX-License-Identifier: Apache-2.0
pragma solidity >=0.5.2 <0.9.0;

/// A contract that only its owner may change. The committee's parts belong to their manager.
contract Owned {
    address public _owner;

    constructor() public {
        _owner = msg.sender;
    }

    modifier onlyOwner() {
        require(auth(msg.sender), "Only owner");
        _;
    }

    /// Whether src may use the functions that change state.
    function auth(address src) public view returns (bool) {
        return src == _owner || src == address(this);
    }

    function setOwner(address owner) public onlyOwner {
        require(owner != address(0), "Owner is zero");
        _owner = owner;
    }
}
