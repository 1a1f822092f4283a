// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// The workloads of bench/evm that are easier to say in Solidity than in instructions. Each contract
/// has run(n): n scales the work, the answer depends on all of it.

contract Sha1 {
    function rol(uint256 x, uint256 n) private pure returns (uint256) {
        return ((x << n) | (x >> (32 - n))) & 0xffffffff;
    }

    function run(uint256 n) external pure returns (bytes32) {
        unchecked {
            uint256[5] memory h =
                [uint256(0x67452301), 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0];
            uint256[80] memory w;
            for (uint256 block_ = 0; block_ < n; block_++) {
                for (uint256 i = 0; i < 16; i++)
                    w[i] = (h[i % 5] + block_ * 16 + i) & 0xffffffff;
                for (uint256 i = 16; i < 80; i++)
                    w[i] = rol(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
                (uint256 a, uint256 b, uint256 c, uint256 d, uint256 e) = (h[0], h[1], h[2], h[3], h[4]);
                for (uint256 i = 0; i < 80; i++) {
                    uint256 f;
                    if (i < 20) f = ((b & c) | ((b ^ 0xffffffff) & d)) + 0x5a827999;
                    else if (i < 40) f = (b ^ c ^ d) + 0x6ed9eba1;
                    else if (i < 60) f = ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
                    else f = (b ^ c ^ d) + 0xca62c1d6;
                    f = (f + rol(a, 5) + e + w[i]) & 0xffffffff;
                    (a, b, c, d, e) = (f, a, rol(b, 30), c, d);
                }
                h[0] = (h[0] + a) & 0xffffffff;
                h[1] = (h[1] + b) & 0xffffffff;
                h[2] = (h[2] + c) & 0xffffffff;
                h[3] = (h[3] + d) & 0xffffffff;
                h[4] = (h[4] + e) & 0xffffffff;
            }
            return bytes32((h[0] << 128) | (h[1] << 96) | (h[2] << 64) | (h[3] << 32) | h[4]);
        }
    }
}

contract Arrays {
    /// A sieve, then a sort of what pseudo-random numbers are left, with the checks of 0.8.
    function run(uint256 n) external pure returns (uint256 sum) {
        bool[] memory composite = new bool[](n);
        for (uint256 i = 2; i * i < n; i++)
            if (!composite[i])
                for (uint256 j = i * i; j < n; j += i)
                    composite[j] = true;
        uint256[] memory v = new uint256[](n / 8);
        uint256 x = 88172645463325252;
        for (uint256 i = 0; i < v.length; i++) {
            x ^= (x << 13) & 0xffffffffffffffff;
            x ^= x >> 7;
            x ^= (x << 17) & 0xffffffffffffffff;
            v[i] = x;
        }
        for (uint256 gap = v.length / 2; gap > 0; gap /= 2)
            for (uint256 i = gap; i < v.length; i++) {
                uint256 t = v[i];
                uint256 j = i;
                for (; j >= gap && v[j - gap] > t; j -= gap)
                    v[j] = v[j - gap];
                v[j] = t;
            }
        for (uint256 i = 2; i < n; i++)
            if (!composite[i])
                sum += i * (v[i % v.length] % 1000003);
    }
}

contract Swap {
    /// x * y / d with a product of 512 bits.
    function mulDiv(uint256 x, uint256 y, uint256 d) private pure returns (uint256 r) {
        unchecked {
            uint256 low = x * y;
            uint256 mm = mulmod(x, y, type(uint256).max);
            uint256 high = mm - low - (mm < low ? 1 : 0);
            if (high == 0) return low / d;
            require(high < d, "overflow");
            uint256 rest = mulmod(x, y, d);
            high -= rest > low ? 1 : 0;
            low -= rest;
            uint256 two = d & (~d + 1);
            d /= two;
            low /= two;
            low |= high * ((~two + 1) / two + 1);
            uint256 inverse = (3 * d) ^ 2;
            for (uint256 i = 0; i < 6; i++)
                inverse *= 2 - d * inverse;
            r = low * inverse;
        }
    }

    function sqrt(uint256 x) private pure returns (uint256 y) {
        if (x == 0) return 0;
        uint256 z = (x >> 1) + 1;
        y = x;
        while (z < y) {
            y = z;
            z = (x / z + z) >> 1;
        }
    }

    /// Trades to and fro against x*y=k with a fee, then against a price that is a root in Q96.
    function run(uint256 n) external pure returns (uint256) {
        uint256 reserve0 = 5_000_000 ether;
        uint256 reserve1 = 9_000_000_000000;
        uint256 amount = 123456789012345678;
        uint256 price = sqrt(mulDiv(reserve1, 1 << 192, reserve0));
        uint256 liquidity = sqrt(reserve0 * reserve1);
        for (uint256 i = 0; i < n; i++) {
            uint256 fee = amount * 997;
            uint256 out = (fee * reserve1) / (reserve0 * 1000 + fee);
            reserve0 += amount;
            reserve1 -= out;
            fee = out * 997;
            uint256 back = (fee * reserve0) / (reserve1 * 1000 + fee);
            reserve1 += out;
            reserve0 -= back;
            uint256 next = mulDiv(liquidity << 96, price, (liquidity << 96) + amount * price);
            uint256 got = mulDiv(liquidity, price - next, 1 << 96);
            price = next + mulDiv(got, 1 << 96, liquidity);
            amount = (back ^ (got << 40)) % (1 ether) + 1;
        }
        return uint256(keccak256(abi.encode(reserve0, reserve1, price, amount)));
    }
}

contract Ray {
    int256 private constant ONE = 1 << 32;

    struct Vec {
        int256 x;
        int256 y;
        int256 z;
    }

    function dot(Vec memory a, Vec memory b) private pure returns (int256) {
        return (a.x * b.x + a.y * b.y + a.z * b.z) / ONE;
    }

    function along(Vec memory a, Vec memory d, int256 t) private pure returns (Vec memory) {
        return Vec(a.x + (d.x * t) / ONE, a.y + (d.y * t) / ONE, a.z + (d.z * t) / ONE);
    }

    function root(int256 v) private pure returns (int256 r) {
        int256 wide = v * ONE;
        r = v > ONE ? v : ONE;
        for (uint256 i = 0; i < 40; i++) {
            int256 next = (r + wide / r) / 2;
            if (next == r || next == r + 1) break;
            r = next;
        }
    }

    function unit(Vec memory a) private pure returns (Vec memory) {
        int256 n = root(dot(a, a));
        return Vec((a.x * ONE) / n, (a.y * ONE) / n, (a.z * ONE) / n);
    }

    /// Distance to the nearest of `count` spheres, and which.
    function nearest(Vec memory from, Vec memory d, int256 count)
        private
        pure
        returns (int256 best, int256 which)
    {
        best = type(int256).max;
        for (int256 i = 0; i < count; i++) {
            Vec memory c = Vec((i - count / 2) * ONE * 2, (i % 2) * ONE, (6 + (i % 3)) * ONE);
            Vec memory oc = Vec(c.x - from.x, c.y - from.y, c.z - from.z);
            int256 b = dot(oc, d);
            int256 disc = (b * b) / ONE - dot(oc, oc) + ONE;
            if (disc <= 0) continue;
            int256 t = b - root(disc);
            if (t > ONE / 1000 && t < best) (best, which) = (t, i);
        }
    }

    function shade(Vec memory from, Vec memory d, uint256 depth) private pure returns (int256) {
        (int256 t, int256 i) = nearest(from, d, 5);
        if (t == type(int256).max)
            return d.y < 0 ? ONE / 4 : ONE / 8 + d.y / 2;
        Vec memory p = along(from, d, t);
        Vec memory c = Vec((i - 2) * ONE * 2, (i % 2) * ONE, (6 + (i % 3)) * ONE);
        Vec memory normal = unit(Vec(p.x - c.x, p.y - c.y, p.z - c.z));
        Vec memory light = unit(Vec(ONE, 2 * ONE, -ONE));
        int256 lit = dot(normal, light);
        if (lit > 0) {
            (int256 shadow, ) = nearest(p, light, 5);
            if (shadow != type(int256).max) lit = 0;
        } else lit = 0;
        int256 colour = ONE / 10 + lit / 2;
        if (depth > 0) {
            int256 k = -2 * dot(d, normal);
            colour += shade(p, along(d, normal, k), depth - 1) / 3;
        }
        return colour;
    }

    function run(uint256 n) external pure returns (bytes32 image) {
        Vec memory eye = Vec(0, 0, -ONE);
        int256 size = int256(n);
        for (int256 y = 0; y < size; y++)
            for (int256 x = 0; x < size; x++) {
                Vec memory d = unit(
                    Vec(((2 * x - size) * ONE) / size, ((size - 2 * y) * ONE) / size, 2 * ONE)
                );
                image = keccak256(abi.encode(image, shade(eye, d, 2)));
            }
    }
}

contract Store {
    mapping(uint256 => uint256) private cells;
    uint256 private total;

    function run(uint256 n) external returns (uint256) {
        for (uint256 i = 0; i < n; i++) {
            cells[i] = i * i + 1;
            total += cells[(i * 7) % (i + 1)];
        }
        for (uint256 i = 0; i < n; i += 3)
            delete cells[i];
        return total;
    }
}

contract Token {
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;
    uint256 public totalSupply;

    event Transfer(address indexed from, address indexed to, uint256 value);
    event Approval(address indexed owner, address indexed spender, uint256 value);

    function mint(address to, uint256 value) external {
        balanceOf[to] += value;
        totalSupply += value;
        emit Transfer(address(0), to, value);
    }

    function approve(address spender, uint256 value) external returns (bool) {
        allowance[msg.sender][spender] = value;
        emit Approval(msg.sender, spender, value);
        return true;
    }

    function transfer(address to, uint256 value) external returns (bool) {
        move(msg.sender, to, value);
        return true;
    }

    function transferFrom(address from, address to, uint256 value) external returns (bool) {
        require(allowance[from][msg.sender] >= value, "allowance too low");
        allowance[from][msg.sender] -= value;
        move(from, to, value);
        return true;
    }

    function move(address from, address to, uint256 value) private {
        require(balanceOf[from] >= value, "balance too low");
        balanceOf[from] -= value;
        balanceOf[to] += value;
        emit Transfer(from, to, value);
    }
}

contract Transfers {
    Token private constant TOKEN = Token(0xC000000000000000000000000000000000000001);

    function run(uint256 n) external returns (uint256) {
        TOKEN.mint(address(this), 1 << 128);
        for (uint256 i = 0; i < n; i++)
            TOKEN.transfer(address(uint160(0xd000 + (i % 64))), i + 1);
        return TOKEN.balanceOf(address(this)) ^ TOKEN.balanceOf(address(uint160(0xd007)));
    }
}

/// A pair of two tokens: add, swap with a fee, and an average price.
contract Pair {
    Token private constant TOKEN0 = Token(0xC000000000000000000000000000000000000001);
    Token private constant TOKEN1 = Token(0xc000000000000000000000000000000000000002);
    uint112 private reserve0;
    uint112 private reserve1;
    uint32 private last;
    uint256 public cumulative;

    event Sync(uint112 reserve0, uint112 reserve1);
    event Swapped(address indexed who, uint256 in0, uint256 in1, uint256 out0, uint256 out1);

    function sync() public {
        uint256 b0 = TOKEN0.balanceOf(address(this));
        uint256 b1 = TOKEN1.balanceOf(address(this));
        require(b0 <= type(uint112).max && b1 <= type(uint112).max, "overflow");
        if (reserve0 != 0)
            cumulative += ((uint256(reserve1) << 112) / reserve0) * (uint32(block.timestamp) - last + 1);
        (reserve0, reserve1, last) = (uint112(b0), uint112(b1), uint32(block.timestamp));
        emit Sync(reserve0, reserve1);
    }

    function swap(uint256 amount, bool zeroForOne) external returns (uint256 out) {
        (Token a, Token b) = zeroForOne ? (TOKEN0, TOKEN1) : (TOKEN1, TOKEN0);
        (uint256 ra, uint256 rb) = zeroForOne ? (reserve0, reserve1) : (reserve1, reserve0);
        uint256 fee = amount * 997;
        out = (fee * rb) / (ra * 1000 + fee);
        a.transferFrom(msg.sender, address(this), amount);
        b.transfer(msg.sender, out);
        uint256 k0 = a.balanceOf(address(this)) * 1000 - amount * 3;
        uint256 k1 = b.balanceOf(address(this)) * 1000;
        require(k0 * k1 >= ra * rb * 1000000, "K");
        if (zeroForOne) emit Swapped(msg.sender, amount, 0, 0, out);
        else emit Swapped(msg.sender, 0, amount, out, 0);
        sync();
    }
}

contract Trader {
    Token private constant TOKEN0 = Token(0xC000000000000000000000000000000000000001);
    Token private constant TOKEN1 = Token(0xc000000000000000000000000000000000000002);
    Pair private constant PAIR = Pair(0xC000000000000000000000000000000000000003);

    function run(uint256 n) external returns (uint256 sum) {
        TOKEN0.mint(address(PAIR), 5_000_000 ether);
        TOKEN1.mint(address(PAIR), 7_000_000 ether);
        PAIR.sync();
        TOKEN0.mint(address(this), 1_000_000 ether);
        TOKEN0.approve(address(PAIR), type(uint256).max);
        TOKEN1.approve(address(PAIR), type(uint256).max);
        uint256 amount = 10 ether;
        for (uint256 i = 0; i < n; i++) {
            amount = PAIR.swap(amount, i % 2 == 0);
            sum = uint256(keccak256(abi.encode(sum, amount)));
        }
        sum ^= PAIR.cumulative();
    }
}
