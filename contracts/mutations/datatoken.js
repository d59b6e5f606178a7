// Planted bugs in Datatoken. See ../mutate.js.
const file = "src/Datatoken.sol";

module.exports = [
  {
    name: "mint-by-anyone",
    file,
    find: "require(msg.sender == MARKET, NotMarket(msg.sender));",
    replace: "",
    why: "skips an access check",
  },
  {
    name: "spent-and-restored-by-anyone",
    file,
    find: "require(msg.sender == ORDERS, NotOrders(msg.sender));",
    replace: "",
    why: "anyone could burn others' tokens, and mint",
  },
  {
    name: "restored-by-anyone",
    file,
    find: "function restore(address holder, uint256 amount) external onlyOrders {",
    replace: "function restore(address holder, uint256 amount) external {",
    why: "skips an access check",
  },
  {
    name: "spent-by-anyone",
    file,
    find: "function spend(address holder, uint256 amount) external onlyOrders {",
    replace: "function spend(address holder, uint256 amount) external {",
    why: "skips an access check",
  },
  {
    name: "restored-to-the-caller",
    file,
    find: "_mint(holder, amount);",
    replace: "_mint(msg.sender, holder == address(0) ? 0 : amount);",
    why: "what was spent would come back to Orders, which can not use it",
  },
  {
    name: "permit-of-any-signer",
    file,
    find: "signer == owner ||",
    replace: "signer != address(0) ||",
    why: "anyone's signature would allow to spend the owner's tokens",
  },
  {
    name: "permit-not-of-contracts",
    file,
    find: "signer == owner || SignatureChecker.isValidERC1271SignatureNow(owner, digest, signature)",
    replace: "signer == owner",
    why: "accounts that are contracts sign by ERC-1271",
  },
  {
    name: "permit-for-ever",
    file,
    find: "require(block.timestamp <= deadline, ERC2612ExpiredSignature(deadline));",
    replace: "",
    why: "skips a check",
  },
  {
    name: "permit-ends-a-second-early",
    file,
    find: "require(block.timestamp <= deadline, ERC2612ExpiredSignature(deadline));",
    replace: "require(block.timestamp < deadline, ERC2612ExpiredSignature(deadline));",
    why: "off by one at the deadline",
  },
  {
    name: "permit-used-again",
    file,
    find: "_useNonce(owner)",
    replace: "nonces(owner)",
    why: "the same signature would be good any number of times",
  },
];
