// SPDX-License-Identifier: Apache-2.0
pragma solidity >=0.5.2;

/// What `cbcos bench` deploys: an ERC-20 whose holders get their balance on demand, and one slot.
contract Bench {
    mapping(address => uint256) private balances;
    uint256 public totalSupply;
    uint256 private slot;

    event Transfer(address indexed from, address indexed to, uint256 value);

    function mint(address to, uint256 value) external {
        balances[to] += value;
        totalSupply += value;
        emit Transfer(address(0), to, value);
    }

    function balanceOf(address owner) external view returns (uint256) {
        return balances[owner];
    }

    function transfer(address to, uint256 value) external returns (bool) {
        require(balances[msg.sender] >= value, "balance too low");
        balances[msg.sender] -= value;
        balances[to] += value;
        emit Transfer(msg.sender, to, value);
        return true;
    }

    function set(uint256 value) external {
        slot = value;
    }

    function get() external view returns (uint256) {
        return slot;
    }
}
