create table if not exists account (id varchar(40) primary key, balance bigint not null);
