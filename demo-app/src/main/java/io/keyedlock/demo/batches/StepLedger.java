// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.batches;

import java.util.Map;
import java.util.Objects;
import javax.sql.DataSource;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.jdbc.support.GeneratedKeyHolder;
import org.springframework.jdbc.support.KeyHolder;
import org.springframework.stereotype.Component;

/**
 * Records and checks deliveries in a database that outlives this process. Rows are only added, in the order in which messages
 * were processed, so a message that was lost, repeated or overtaken stays visible.
 */
@Component
public class StepLedger {

    private final JdbcClient database;

    StepLedger(DataSource dataSource) {
        this.database = JdbcClient.create(dataSource);
        run("create table if not exists step_run (run varchar(40) primary key, messages int not null)");
        run("create table if not exists step_batch (id bigint generated always as identity primary key,"
                + " process bigint not null, messages int not null)");
        run("create table if not exists step_delivery (id bigint generated always as identity primary key,"
                + " run varchar(40) not null, order_key varchar(100) not null, number int not null,"
                + " batch bigint not null, started_at bigint not null, finished_at bigint not null)");
        run("create index if not exists step_delivery_run on step_delivery (run, order_key, number)");
    }

    private void run(String sql) {
        database.sql(sql).update();
    }

    /**
     * Records the number of messages of a run, before the first is sent.
     *
     * @param run the run
     * @param messages the number of messages
     */
    public void beginRun(String run, int messages) {
        database.sql("insert into step_run (run, messages) values (?, ?)")
                .params(run, messages)
                .update();
    }

    long beginBatch(int messages) {
        KeyHolder id = new GeneratedKeyHolder();
        database.sql("insert into step_batch (process, messages) values (?, ?)")
                .params(ProcessHandle.current().pid(), messages)
                .update(id, "id");
        return Objects.requireNonNull(id.getKey()).longValue();
    }

    void deliver(Step step, long batch, long startedAt) {
        database.sql("insert into step_delivery (run, order_key, number, batch, started_at, finished_at)"
                        + " values (?, ?, ?, ?, ?, ?)")
                .params(step.run(), step.order(), step.number(), batch, startedAt, System.currentTimeMillis())
                .update();
    }

    /**
     * Returns the number of distinct messages of a run that were delivered.
     *
     * @param run the run
     * @return the count
     */
    public int delivered(String run) {
        return database.sql(
                        "select count(*) from (select distinct order_key, number from step_delivery where run = ?) d")
                .param(run)
                .query(Integer.class)
                .single();
    }

    /**
     * Returns whether a batch of a run is half done. So an end now breaks it off.
     *
     * @param run the run
     * @return true if some of its messages, and less than three quarters, were delivered
     */
    public boolean isWithinBatch(String run) {
        return database.sql("select count(*) from step_batch b join"
                                + " (select batch, count(*) as done from step_delivery where run = ? group by batch) d"
                                + " on d.batch = b.id where d.done * 4 < b.messages * 3"
                                + " and b.id = (select max(id) from step_batch)")
                        .param(run)
                        .query(Integer.class)
                        .single()
                > 0;
    }

    /**
     * Checks all deliveries of a run.
     *
     * @param run the run
     * @return the result of the check
     */
    public StepCheck check(String run) {
        int messages = database.sql("select messages from step_run where run = ?")
                .param(run)
                .query(Integer.class)
                .single();
        Map<String, Object> totals = database.sql("select count(*) as deliveries,"
                        + " coalesce(max(finished_at) - min(started_at), 0) as millis,"
                        + " count(distinct batch) as batches from step_delivery where run = ?")
                .param(run)
                .query()
                .singleRow();
        int delivered = delivered(run);
        return new StepCheck(
                messages,
                messages - delivered,
                number(totals, "deliveries") - delivered,
                outOfOrder(run),
                number(totals, "batches"),
                brokenOff(run),
                number(totals, "millis"));
    }

    /*
     * Counts deliveries out of sequence. The first delivery of each order must be step 1. Within a batch, each step must follow
     * its predecessor. A later batch may replay from any earlier step, but must not skip a step, and batches must not be
     * interleaved.
     */
    private int outOfOrder(String run) {
        return database.sql("select count(*) from (select number, batch,"
                        + " lag(number) over (partition by order_key order by id) as last_number,"
                        + " lag(batch) over (partition by order_key order by id) as last_batch,"
                        + " max(number) over (partition by order_key order by id"
                        + " rows between unbounded preceding and 1 preceding) as highest"
                        + " from step_delivery where run = ?) d"
                        + " where (last_batch is null and number <> 1)"
                        + " or (batch = last_batch and number <> last_number + 1)"
                        + " or (batch > last_batch and number > highest + 1)"
                        + " or batch < last_batch")
                .param(run)
                .query(Integer.class)
                .single();
    }

    /** Counts the batches that a process started but did not finish. */
    private int brokenOff(String run) {
        return database.sql("select count(*) from step_batch b join"
                        + " (select batch, count(*) as done from step_delivery where run = ? group by batch) d"
                        + " on d.batch = b.id where d.done < b.messages")
                .param(run)
                .query(Integer.class)
                .single();
    }

    private static long number(Map<String, Object> row, String column) {
        return ((Number) Objects.requireNonNull(row.get(column))).longValue();
    }
}
