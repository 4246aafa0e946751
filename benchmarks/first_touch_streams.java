// The same work as Kafka Streams' documentation would have it written: a processor with a key-value
// store and its changelog, exactly_once_v2. The store is in memory, as the stage's state is.
//
// Run from source, which needs a JDK: java -cp JARS first_touch_streams.java SCHEMA_FILE STATE_DIR THREADS

import java.io.File;
import java.nio.ByteBuffer;
import java.util.Properties;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

class FirstTouchStreams {
    static final int FRAME = 5; // a zero byte and the schema's id
    static final String STORE = "first-touch";

    /** What is kept and emitted: the time, then the code, a zero byte and the event's id. */
    static byte[] touch(long time, CharSequence code, CharSequence event) {
        byte[] names = (code + "\0" + event).getBytes(java.nio.charset.StandardCharsets.UTF_8);
        return ByteBuffer.allocate(Long.BYTES + names.length).putLong(time).put(names).array();
    }

    static class FirstTouch implements Processor<byte[], byte[], byte[], byte[]> {
        private final GenericDatumReader<GenericRecord> reader;
        private BinaryDecoder decoder;
        private GenericRecord event;
        private ProcessorContext<byte[], byte[]> context;
        private KeyValueStore<byte[], byte[]> first;

        FirstTouch(Schema schema) {
            reader = new GenericDatumReader<>(schema);
        }

        @Override
        public void init(ProcessorContext<byte[], byte[]> context) {
            this.context = context;
            first = context.getStateStore(STORE);
        }

        @Override
        public void process(Record<byte[], byte[]> record) {
            byte[] value = record.value();
            try {
                decoder = DecoderFactory.get()
                        .binaryDecoder(value, FRAME, value.length - FRAME, decoder);
                event = reader.read(event, decoder);
            } catch (java.io.IOException error) {
                throw new java.io.UncheckedIOException(error);
            }
            long time = (Long) event.get("event_time");
            byte[] known = first.get(record.key());
            if (known == null || time < ByteBuffer.wrap(known).getLong()) {
                byte[] touch = touch(time, (CharSequence) event.get("code"),
                        (CharSequence) event.get("event_id"));
                first.put(record.key(), touch);
                context.forward(record.withValue(touch));
            }
        }
    }

    public static void main(String[] arguments) throws Exception {
        Schema schema = new Schema.Parser().parse(new File(arguments[0]));
        String prefix = System.getenv("REFTRAIL_TOPIC_PREFIX");
        StreamsBuilder builder = new StreamsBuilder();
        builder.addStateStore(Stores.keyValueStoreBuilder(
                Stores.inMemoryKeyValueStore(STORE), Serdes.ByteArray(), Serdes.ByteArray()));
        builder.stream(prefix + "events", Consumed.with(Serdes.ByteArray(), Serdes.ByteArray()))
                .process(() -> new FirstTouch(schema), STORE)
                .to(prefix + "touches", Produced.with(Serdes.ByteArray(), Serdes.ByteArray()));
        KafkaStreams streams = new KafkaStreams(builder.build(), settings(arguments));
        streams.setStateListener((now, before) -> {
            if (now == KafkaStreams.State.RUNNING) System.out.println("working");
        });
        Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
        streams.start();
    }

    static Properties settings(String[] arguments) {
        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, System.getenv("REFTRAIL_GROUP"));
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG,
                System.getenv("REFTRAIL_BOOTSTRAP_SERVERS"));
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, arguments[1]);
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, Integer.parseInt(arguments[2]));
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG),
                "earliest");
        return settings;
    }
}
