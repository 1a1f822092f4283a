package cbcos;

import static cbcos.Cases.check;
import static cbcos.Cases.equal;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.fisco.bcos.sdk.v3.BcosSDK;
import org.fisco.bcos.sdk.v3.amop.Amop;
import org.fisco.bcos.sdk.v3.client.Client;
import org.fisco.bcos.sdk.v3.client.protocol.response.BcosBlock;
import org.fisco.bcos.sdk.v3.config.ConfigOption;
import org.fisco.bcos.sdk.v3.config.model.ConfigProperty;
import org.fisco.bcos.sdk.v3.contract.auth.manager.AuthManager;
import org.fisco.bcos.sdk.v3.contract.auth.po.ProposalInfo;
import org.fisco.bcos.sdk.v3.contract.precompiled.bfs.BFSService;
import org.fisco.bcos.sdk.v3.contract.precompiled.consensus.ConsensusService;
import org.fisco.bcos.sdk.v3.contract.precompiled.crud.KVTableService;
import org.fisco.bcos.sdk.v3.contract.precompiled.crud.TableCRUDService;
import org.fisco.bcos.sdk.v3.contract.precompiled.crud.common.Entry;
import org.fisco.bcos.sdk.v3.contract.precompiled.crud.common.UpdateFields;
import org.fisco.bcos.sdk.v3.contract.precompiled.sysconfig.SystemConfigService;
import org.fisco.bcos.sdk.v3.crypto.keypair.CryptoKeyPair;
import org.fisco.bcos.sdk.v3.eventsub.EventSubParams;
import org.fisco.bcos.sdk.v3.eventsub.EventSubscribe;
import org.fisco.bcos.sdk.v3.model.EventLog;
import org.fisco.bcos.sdk.v3.model.TransactionReceipt;
import org.fisco.bcos.sdk.v3.transaction.manager.AssembleTransactionProcessor;
import org.fisco.bcos.sdk.v3.transaction.manager.TransactionProcessorFactory;
import org.fisco.bcos.sdk.v3.transaction.model.dto.CallResponse;
import org.fisco.bcos.sdk.v3.transaction.model.dto.TransactionResponse;
import org.fisco.bcos.sdk.v3.transaction.model.exception.ContractException;
import org.fisco.solc.compiler.CompilationResult;
import org.fisco.solc.compiler.SolidityCompiler;

/** The Java SDK against the SDK port. */
public final class Main {
    private final Map<String, String> args = new HashMap<>();
    private final Cases cases = new Cases();
    private BcosSDK sdk;
    private Client client;
    private AssembleTransactionProcessor processor;
    private String abi;
    private String bin;
    private String address;
    private TransactionReceipt setReceipt;

    public static void main(String[] words) {
        Main m = new Main();
        m.args.put("group", "group0");
        m.args.put("only", "all");
        m.args.put("sm", "no");
        for (int i = 0; i + 1 < words.length; i += 2) {
            m.args.put(words[i].replaceFirst("^--", ""), words[i + 1]);
        }
        if (m.args.get("sdk") == null || m.args.get("peer") == null || m.args.get("contracts") == null) {
            System.err.println("usage: --contracts DIR --sdk DIR --peer IP:PORT [--only basic]");
            System.exit(2);
        }
        int code = m.run();
        System.out.flush();
        // Threads of the SDK's native part would keep the process alive.
        Runtime.getRuntime().halt(code);
    }

    private int run() {
        if (!cases.test("connect", () -> {
            client = connect(args.get("peer"));
            check(client.getBlockNumber().getBlockNumber().signum() >= 0, "no height");
        })) {
            return cases.finish();
        }
        if (basic() && args.get("only").equals("all")) {
            queries();
            transactions();
            tables();
            governance();
            pushes();
        }
        return cases.finish();
    }

    private Client connect(String peer) throws Exception {
        ConfigProperty p = new ConfigProperty();
        p.cryptoMaterial = new HashMap<>();
        p.cryptoMaterial.put("certPath", args.get("sdk"));
        p.cryptoMaterial.put("disableSsl", "false");
        // of the link: a chain with SM cryptography may have links of either kind
        boolean smLink = new File(args.get("sdk"), "sm_ca.crt").exists();
        p.cryptoMaterial.put("useSMCrypto", Boolean.toString(smLink));
        p.network = new HashMap<>();
        p.network.put("messageTimeout", "20000");
        p.network.put("defaultGroup", args.get("group"));
        p.network.put("peers", new ArrayList<>(Collections.singletonList(peer)));
        p.account = new HashMap<>();
        p.account.put("keyStoreDir", "account");
        p.account.put("accountFileFormat", "pem");
        p.threadPool = new HashMap<>();
        p.amop = new ArrayList<>();
        sdk = new BcosSDK(new ConfigOption(p));
        return sdk.getClient(args.get("group"));
    }

    /** Deploy, call, send: what the quick start shows. */
    private boolean basic() {
        boolean ok = cases.test("deploy", () -> {
            loadProbe();
            CryptoKeyPair key = client.getCryptoSuite().generateRandomKeyPair();
            processor = TransactionProcessorFactory.createAssembleTransactionProcessor(client, key);
            TransactionResponse r = processor.deployAndGetResponse(abi, bin, Arrays.asList(BigInteger.valueOf(41)));
            equal(0, r.getTransactionReceipt().getStatus());
            address = r.getContractAddress();
            check(address.matches("0x[0-9a-f]{40}"), "address " + address);
        });
        return ok
                && cases.test("call", () -> equal(BigInteger.valueOf(41), value()))
                && cases.test("send", () -> {
                    TransactionResponse r = send("set", BigInteger.valueOf(42), "first");
                    setReceipt = r.getTransactionReceipt();
                    equal(0, setReceipt.getStatus());
                    equal(BigInteger.valueOf(42), value());
                })
                && cases.test("events of a receipt", () -> {
                    equal(1, setReceipt.getLogEntries().size());
                    equal(3, setReceipt.getLogEntries().get(0).getTopics().size());
                })
                && cases.test("block height", () -> {
                    BigInteger height = client.getBlockNumber().getBlockNumber();
                    check(height.compareTo(setReceipt.getBlockNumber()) >= 0, "height " + height);
                });
    }

    /** Function selectors of a chain with SM cryptography are SM3 hashes: that needs another compiler. */
    private void loadProbe() throws Exception {
        if (args.get("sm").equals("yes")) {
            SolidityCompiler.Result r = SolidityCompiler.compile(new File(args.get("sm-contract")), true, true,
                    SolidityCompiler.Options.ABI, SolidityCompiler.Options.BIN);
            check(!r.isFailed(), r.getErrors());
            CompilationResult.ContractMetadata m = CompilationResult.parse(r.getOutput()).getContract("Probe");
            abi = m.abi;
            bin = m.bin;
            return;
        }
        JsonNode probe = new ObjectMapper().readTree(new File(args.get("contracts"), "Probe.json"));
        abi = probe.get("abi").toString();
        bin = probe.get("bytecode").asText();
    }

    private TransactionResponse send(String function, Object... params) throws Exception {
        return processor.sendTransactionAndGetResponse(address, abi, function, Arrays.asList(params));
    }

    private BigInteger value() throws Exception {
        CallResponse r = processor.sendCall("", address, abi, "value",
                Collections.emptyList());
        return new BigInteger(r.getReturnObject().get(0).toString());
    }

    private void queries() {
        cases.test("receipt by hash", () -> {
            TransactionReceipt r = client.getTransactionReceipt(setReceipt.getTransactionHash(), false)
                    .getTransactionReceipt();
            equal(setReceipt.getBlockNumber(), r.getBlockNumber());
            equal(setReceipt.getGasUsed(), r.getGasUsed());
        });
        cases.test("transaction by hash", () -> {
            equal(setReceipt.getTransactionHash(),
                    client.getTransaction(setReceipt.getTransactionHash(), false).getTransaction().get().getHash());
        });
        cases.test("block by number and by hash", () -> {
            BcosBlock.Block a = client.getBlockByNumber(setReceipt.getBlockNumber(), false, true).getBlock();
            BcosBlock.Block b = client.getBlockByHash(a.getHash(), false, false).getBlock();
            equal(a.getNumber(), b.getNumber());
            check(a.getTransactionHashes().stream().anyMatch(h -> h.get().equals(setReceipt.getTransactionHash())),
                    "transaction is not in its block");
            equal(a.getHash(), client.getBlockHashByNumber(setReceipt.getBlockNumber()).getBlockHashByNumber());
            equal(a.getTransactionHashes().size(), b.getTransactionObject().size());
        });
        cases.test("block 0", () -> equal(0L, client.getBlockByNumber(BigInteger.ZERO, true, true).getBlock().getNumber()));
        cases.test("total of transactions", () -> {
            String n = client.getTotalTransactionCount().getTotalTransactionCount().getTransactionCount();
            check(Long.decode(n) >= 2, n);
        });
        cases.test("sealers", () -> check(client.getSealerList().getSealerList().size() >= 1, "none"));
        cases.test("view", () -> check(client.getPbftView().getPbftView().signum() >= 0, "negative"));
        cases.test("consensus status", () -> {
            int n = client.getConsensusStatus().getConsensusStatus().getConsensusNodesNum();
            equal(client.getSealerList().getSealerList().size(), n);
        });
        cases.test("sync status", () -> {
            check(client.getSyncStatus().getSyncStatus().getBlockNumber() >= 2, "height");
            check(client.getSyncStatus().getSyncStatus().getGenesisHash().length() == 64, "genesis hash");
        });
        cases.test("peers", () -> {
            int sealers = client.getSealerList().getSealerList().size();
            equal(sealers - 1, client.getPeers().getPeers().getPeers().size());
        });
        cases.test("group peers", () -> check(client.getGroupPeers().getGroupPeers().size() >= 1, "none"));
        cases.test("group", () -> {
            check(client.getGroupList().getResult().getGroupList().contains(args.get("group")), "not in the list");
            equal(args.get("group"), client.getGroupInfo().getResult().getGroupID());
        });
        cases.test("system config", () -> {
            equal("1000", client.getSystemConfigByKey("tx_count_limit").getSystemConfig().getValue());
            equal("1", client.getSystemConfigByKey("consensus_leader_period").getSystemConfig().getValue());
        });
        cases.test("code", () -> {
            check(client.getCode(address).getCode().length() > 100, "short");
            equal("", client.getCode("0x00000000000000000000000000000000000abcde").getCode());
        });
        cases.test("pending transactions", () -> check(client.getPendingTxSize().getPendingTxSize().signum() >= 0, "negative"));
    }

    private void transactions() {
        cases.test("revert", () -> {
            TransactionResponse r = send("failWithText");
            equal(16, r.getTransactionReceipt().getStatus());
            check(String.valueOf(r.getReceiptMessages()).contains("not today"), r.getReceiptMessages());
        });
        cases.test("call of a missing contract", () -> {
            TransactionResponse r = processor.sendTransactionAndGetResponse(
                    "0x00000000000000000000000000000000000abcde", abi, "add", Arrays.asList(BigInteger.ONE));
            check(r.getTransactionReceipt() != null, "no receipt");
        });
        cases.test("fifty at once", () -> {
            BigInteger before = value();
            List<CompletableFuture<TransactionReceipt>> all = new ArrayList<>();
            for (int i = 0; i < 50; i++) {
                CompletableFuture<TransactionReceipt> f = new CompletableFuture<>();
                all.add(f);
                processor.sendTransactionAsync(address, abi, "add", Arrays.asList(BigInteger.ONE),
                        new org.fisco.bcos.sdk.v3.model.callback.TransactionCallback() {
                            @Override
                            public void onResponse(TransactionReceipt r) {
                                f.complete(r);
                            }
                        });
            }
            for (CompletableFuture<TransactionReceipt> f : all) {
                equal(0, f.get(30, TimeUnit.SECONDS).getStatus());
            }
            equal(before.add(BigInteger.valueOf(50)), value());
        });
        cases.test("call with signature", () -> {
            CallResponse r = processor.sendCallWithSign("", address, abi, "value", Collections.emptyList());
            equal(value().toString(), r.getReturnObject().get(0).toString());
        });
    }

    private static final class Names {
        final String suffix = Long.toHexString(System.nanoTime());
        final String table = "t_" + suffix;
        final String kv = "kv_" + suffix;
        final String dir = "d_" + suffix;
    }

    private void tables() {
        Names n = new Names();
        CryptoKeyPair key = client.getCryptoSuite().generateRandomKeyPair();
        cases.test("table: create, insert, select, update, remove", () -> {
            TableCRUDService s = new TableCRUDService(client, key);
            equal(0, s.createTable(n.table, "id", Arrays.asList("name", "age")).getCode());
            Map<String, List<String>> desc = s.desc(n.table);
            Map<String, String> row = new HashMap<>();
            row.put("name", "ann");
            row.put("age", "30");
            equal(1, s.insert(n.table, new Entry(Arrays.asList("name", "age"), "k1", row)).getCode());
            equal("ann", s.select(n.table, desc, "k1").get("name"));
            equal(1, s.update(n.table, "k1", new UpdateFields(Collections.singletonMap("age", "31"))).getCode());
            equal("31", s.select(n.table, desc, "k1").get("age"));
            equal(1, s.remove(n.table, "k1").getCode());
            check(s.select(n.table, desc, "k1").isEmpty(), "still there");
        });
        cases.test("table: exists already", () -> {
            int code = code(() -> new TableCRUDService(client, key).createTable(n.table, "id", Arrays.asList("x")).getCode());
            equal(-50001, code);
        });
        cases.test("key/value table", () -> {
            KVTableService s = new KVTableService(client, key);
            equal(0, s.createTable(n.kv, "k", "v").getCode());
            equal(1, s.set(n.kv, "one", "1").getCode());
            equal("1", s.get(n.kv, "one"));
        });
        cases.test("BFS: mkdir, list, link", () -> {
            BFSService s = new BFSService(client, key);
            equal(0, s.mkdir("/apps/" + n.dir).getCode());
            check(s.list("/apps").stream().anyMatch(f -> f.fileName.equals(n.dir)), "not listed");
            equal(0, s.link(n.dir + "l", "v1", address, abi).getCode());
            equal(address.toLowerCase(), s.readlink("/apps/" + n.dir + "l/v1").toLowerCase());
        });
        cases.test("BFS: root", () -> {
            List<String> names = new ArrayList<>();
            new BFSService(client, key).list("/").forEach(f -> names.add(f.fileName));
            check(names.containsAll(Arrays.asList("apps", "sys", "tables", "usr")), names.toString());
        });
    }

    private interface Code {
        int get() throws Exception;
    }

    /** The code that a precompiled contract answered, thrown or returned. */
    private static int code(Code c) throws Exception {
        try {
            return c.get();
        } catch (ContractException e) {
            return e.getErrorCode();
        }
    }

    /** Without permission checks everybody may; with them the committee decides. */
    private void governance() {
        CryptoKeyPair key = client.getCryptoSuite().generateRandomKeyPair();
        boolean auth = client.isAuthCheck();
        cases.test("system config by " + (auth ? "a stranger is refused" : "anybody"), () -> {
            int code = code(() -> new SystemConfigService(client, key).setValueByKey("tx_gas_limit", "3000000000").getCode());
            equal(auth ? -50000 : 0, code);
        });
        cases.test("a sealer that nobody knows", () -> {
            char[] id = new char[128];
            Arrays.fill(id, 'a');
            int code = code(() -> new ConsensusService(client, key).addSealer(new String(id), BigInteger.ONE).getCode());
            check(code < 0, "code " + code);
        });
        cases.test("committee", () -> {
            AuthManager m = new AuthManager(client, key);
            equal(1, m.getCommitteeInfo().getGovernorList().size());
            equal(BigInteger.ZERO, m.getDeployAuthType());
            check(m.checkDeployAuth(key.getAddress()), "deployment not allowed");
        });
        if (!auth || args.get("admin") == null) {
            return;
        }
        client.getCryptoSuite().loadAccount("pem", args.get("admin"), null);
        CryptoKeyPair admin = client.getCryptoSuite().getCryptoKeyPair();
        cases.test("proposal of a stranger is refused", () -> {
            int code = code(() -> {
                new AuthManager(client, key).createSetSysConfigProposal("tx_count_limit", "900");
                return 0;
            });
            check(code != 0, "accepted");
        });
        cases.test("proposal of the governor", () -> {
            AuthManager m = new AuthManager(client, admin);
            BigInteger id = m.createSetSysConfigProposal("tx_count_limit", "900");
            ProposalInfo info = m.getProposalInfo(id);
            equal("finished", info.getStatusString());
            equal("setConfig", info.getProposalTypeString());
            equal("900", client.getSystemConfigByKey("tx_count_limit").getSystemConfig().getValue());
            m.createSetSysConfigProposal("tx_count_limit", "1000");
        });
        cases.test("a second governor votes", () -> {
            AuthManager m = new AuthManager(client, admin);
            m.updateGovernor(key.getAddress(), BigInteger.valueOf(2));
            m.setRate(BigInteger.valueOf(60), BigInteger.valueOf(51));
            BigInteger id = m.createSetSysConfigProposal("tx_count_limit", "800");
            equal("notEnoughVotes", m.getProposalInfo(id).getStatusString());
            AuthManager second = new AuthManager(client, key);
            equal(0, second.voteProposal(id, true).getStatus());
            equal("finished", m.getProposalInfo(id).getStatusString());
            equal("800", client.getSystemConfigByKey("tx_count_limit").getSystemConfig().getValue());
            // back to how it was
            second.createSetSysConfigProposal("tx_count_limit", "1000");
            second.setRate(BigInteger.ZERO, BigInteger.ZERO);
            second.updateGovernor(key.getAddress(), BigInteger.ZERO);
            equal(1, m.getCommitteeInfo().getGovernorList().size());
        });
    }

    private void pushes() {
        cases.test("notice of a new block", () -> {
            BlockingQueue<BigInteger> heights = new ArrayBlockingQueue<>(64);
            sdk.registerBlockNotifier(args.get("group"), (group, height) -> heights.offer(height));
            send("add", BigInteger.ONE);
            check(heights.poll(20, TimeUnit.SECONDS) != null, "none");
        });
        cases.test("subscription to events", () -> {
            EventSubscribe sub = EventSubscribe.build(client);
            sub.start();
            BlockingQueue<EventLog> logs = new ArrayBlockingQueue<>(64);
            EventSubParams p = new EventSubParams();
            p.setFromBlock(BigInteger.ONE);
            p.setToBlock(BigInteger.valueOf(-1));
            check(p.addAddress(address), "address");
            String id = sub.subscribeEvent(p, (eventId, status, found) -> {
                if (found != null) {
                    logs.addAll(found);
                }
            });
            EventLog old = logs.poll(20, TimeUnit.SECONDS);
            check(old != null, "no old event");
            equal(setReceipt.getTransactionHash(), old.getTransactionHash());
            String hash = send("set", BigInteger.TEN, "pushed").getTransactionReceipt().getTransactionHash();
            EventLog fresh = logs.poll(20, TimeUnit.SECONDS);
            check(fresh != null && hash.equals(fresh.getTransactionHash()), "no new event");
            sub.unsubscribeEvent(id);
        });
        cases.test("AMOP to oneself over the node", () -> {
            Amop amop = sdk.getAmop();
            amop.start();
            String topic = "topic-" + System.nanoTime();
            amop.subscribeTopic(topic, (endpoint, seq, data) -> amop.sendResponse(endpoint, seq, data));
            Thread.sleep(2500);
            BlockingQueue<String> answers = new ArrayBlockingQueue<>(4);
            amop.sendAmopMsg(topic, "hello".getBytes(), 10000,
                    r -> answers.offer(r.getErrorCode() + " " + (r.getData() == null ? "" : new String(r.getData()))));
            String answer = answers.poll(20, TimeUnit.SECONDS);
            check(answer != null && answer.startsWith("0 "), "answer " + answer);
        });
        cases.test("AMOP to nobody", () -> {
            BlockingQueue<Integer> answers = new ArrayBlockingQueue<>(4);
            sdk.getAmop().sendAmopMsg("nobody-" + System.nanoTime(), new byte[] {1}, 10000, r -> answers.offer(r.getErrorCode()));
            Integer code = answers.poll(20, TimeUnit.SECONDS);
            check(code != null && code != 0, "code " + code);
        });
    }
}
