// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// An ordinary OpenZeppelin ERC-20; the whole supply belongs to its deployer.
contract Token is ERC20 {
    constructor(uint256 supply) ERC20("Consortium Token", "CTK") {
        _mint(msg.sender, supply);
    }
}
